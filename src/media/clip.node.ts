import { UserError } from '../errors.js'
import type { ClipContent } from './clip.js'
import type { Frames } from './frames.js'
import { checkOutput, encodeOutput } from './output.node.js'
import { writeFilesAtomic } from './write-files.node.js'

/** What `Clip.save` may be told. */
export interface SaveOptions {
  /** Stops between two frames; nothing is written then. */
  readonly signal?: AbortSignal
}

/** How a clip is encoded. */
export interface ClipOptions {
  /** Whether in a thread of its own, so that the caller's event loop goes on. Default: true. */
  readonly worker?: boolean
}

/** A clip in memory that can be saved. */
export class Clip implements ClipContent {
  readonly frames: Frames
  readonly fps: number
  readonly metadata: Readonly<Record<string, string>>

  /** @throws UserError when there is no frame, the bytes do not fit the size, or `fps` is not within 0.1 to 240. */
  constructor({ frames, fps, metadata }: ClipContent, protected readonly options: ClipOptions = {}) {
    const { width, height, count, data } = frames
    const bytes = count * height * width * 3
    if (!(bytes > 0)) throw new UserError(`frames has ${count} pictures of ${width}x${height}; give at least one pixel`)
    if (data.length !== bytes) {
      throw new UserError(
        `frames.data has ${data.length} bytes where ${count} pictures of ${width}x${height} have ${bytes}; ` +
          'give 8-bit RGB',
      )
    }
    if (!(fps >= 0.1 && fps <= 240)) throw new UserError(`fps is ${fps}; give a rate from 0.1 to 240`)
    this.frames = frames
    this.fps = fps
    this.metadata = metadata
  }

  /**
   * Writes the clip in the format that the name's ending asks for: `.mp4`, `.webm`, `.webp`, `.gif`, `.apng`, or PNG
   * frames. `cat.png` becomes `cat-00.png`, `cat-01.png` and so on (a clip of one frame keeps its plain name);
   * `cat-%03d.png` chooses where the number stands and how wide it is; `cat/` fills a folder with `frame-00.png`,
   * `frame-01.png` and so on. MP4 needs even sides: the last column and row of an odd clip stand twice there.
   *
   * @returns the names of the files written, in order.
   * @throws UserError when the ending is unknown or the files cannot be written; no half-written file is left behind.
   */
  async save(path: string, { signal }: SaveOptions = {}): Promise<string[]> {
    signal?.throwIfAborted()
    await checkOutput(path)
    const files = await encodeOutput(path, this, signal)
    signal?.throwIfAborted()
    await writeFilesAtomic(files)
    return [...files.keys()]
  }
}
