import type { Remote } from '../runtime/rpc.js'
import { startThread } from '../runtime/thread.node.js'
import { AnyClip } from './any-clip.js'
import type { ClipContent } from './clip.js'
import type { ExportFormat, ExportOptions, ExportSettings } from './export-settings.js'
import type { Exported, ExportRequest } from './export.js'
import type { ExportWork } from './fit-bytes.js'
import { checkOutput, filesOf, formatOf } from './output.node.js'
import { writeFilesAtomic } from './write-files.node.js'

/** How a clip is encoded. */
export interface ClipOptions {
  /** Whether in a thread of its own, so that the caller's event loop goes on. Default: true. */
  readonly worker?: boolean
}

let remote: Remote | undefined

/** The thread that encodes the clips of this process, started when it is first needed. */
function clipThread(): Remote {
  if (!remote || remote.ended) remote = startThread('media/clip-thread.node')
  return remote
}

/** A clip in memory that can be saved. */
export class Clip extends AnyClip {
  readonly #worker: boolean

  /** @throws UserError when there is no frame, the bytes do not fit the size, or `fps` is not within 0.1 to 240. */
  constructor(content: ClipContent, { worker = true }: ClipOptions = {}) {
    super(content)
    this.#worker = worker
  }

  /**
   * The clip as the bytes of a file: mp4, webm, webp, gif, apng, or a zip of PNG frames.
   *
   * @throws UserError when an option is wrong, or the file cannot be made as small as it must be.
   */
  override async toBuffer(format: ExportFormat, options: ExportOptions = {}): Promise<Buffer<ArrayBuffer>> {
    const { buffer, byteOffset, length } = await super.toBuffer(format, options)
    return Buffer.from(buffer, byteOffset, length)
  }

  /**
   * Writes the clip in the format that the name's ending asks for: `.mp4`, `.webm`, `.webp`, `.gif`, `.apng`, or PNG
   * frames. `cat.png` becomes `cat-00.png`, `cat-01.png` and so on (a clip of one frame keeps its plain name);
   * `cat-%03d.png` chooses where the number stands and how wide it is; `cat/` fills a folder with `frame-00.png`,
   * `frame-01.png` and so on. MP4 needs even sides: the last column and row of an odd clip stand twice there.
   *
   * @returns the names of the files written, in order.
   * @throws UserError when the ending is unknown, an option is wrong, or the files cannot be written; no half-written file is
   *   left behind.
   */
  async save(path: string, { signal, ...options }: ExportOptions = {}): Promise<string[]> {
    signal?.throwIfAborted()
    await checkOutput(path)
    const format = formatOf(path)
    const { bytes } = await this.encode({ ...options, format }, { signal })
    signal?.throwIfAborted()
    const files = filesOf(path, format, bytes)
    await writeFilesAtomic(files)
    return [...files.keys()]
  }

  protected override async encode(settings: ExportSettings, work: ExportWork): Promise<Exported> {
    if (!this.#worker) return (await import('./export.node.js')).exportClip(this, settings, work)
    const request: ExportRequest = { clip: this.content, settings }
    return clipThread().call('exportClip', request, work)
  }
}
