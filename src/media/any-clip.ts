import { UserError } from '../errors.js'
import type { ClipContent } from './clip.js'
import type { ExportFormat, ExportOptions, ExportSettings } from './export-settings.js'
import type { Exported } from './export.js'
import type { ExportWork } from './fit-bytes.js'
import type { Frames } from './frames.js'

/** A clip as a file in memory. */
export interface ClipFile extends Omit<Exported, 'bytes' | 'type'> {
  readonly blob: Blob
}

/** A clip in memory that can be encoded: what is the same in Node and in browsers. */
export abstract class AnyClip implements ClipContent {
  readonly frames: Frames
  readonly alpha?: Uint8Array | undefined
  readonly fps: number
  readonly metadata: Readonly<Record<string, string>>

  /** @throws UserError when there is no frame, the bytes do not fit the size, or `fps` is not within 0.1 to 240. */
  constructor({ frames, alpha, fps, metadata }: ClipContent) {
    const { width, height, count, data } = frames
    const pixels = count * height * width
    if (!(pixels > 0)) {
      throw new UserError(`frames has ${count} pictures of ${width}x${height}; give at least one pixel`)
    }
    const size = `${count} pictures of ${width}x${height}`
    if (data.length !== pixels * 3) {
      throw new UserError(`frames.data has ${data.length} bytes where ${size} have ${pixels * 3}; give 8-bit RGB`)
    }
    if (alpha && alpha.length !== pixels) {
      throw new UserError(`alpha has ${alpha.length} bytes where ${size} have ${pixels}; give one a pixel`)
    }
    if (!(fps >= 0.1 && fps <= 240)) throw new UserError(`fps is ${fps}; give a rate from 0.1 to 240`)
    this.frames = frames
    if (alpha) this.alpha = alpha
    this.fps = fps
    this.metadata = metadata
  }

  /** Encodes the clip where this platform does that. */
  protected abstract encode(settings: ExportSettings, work: ExportWork): Promise<Exported>

  /** What the clip is made of, ready to be sent to a worker. */
  protected get content(): ClipContent {
    const { frames, alpha, fps, metadata } = this
    return { frames, alpha, fps, metadata }
  }

  /**
   * The clip as the bytes of a file: mp4, webm, webp, gif, apng, or a zip of PNG frames.
   *
   * @throws UserError when an option is wrong, there is no encoder for the format, or the file cannot be made as small as it
   *   must be.
   */
  async toBuffer(format: ExportFormat, { signal, ...options }: ExportOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted()
    return (await this.encode({ ...options, format }, { signal })).bytes
  }

  /**
   * The clip as a Blob, and what was given up for its size.
   *
   * @throws UserError as `toBuffer` does.
   */
  async toFile(settings: ExportSettings, work: ExportWork = {}): Promise<ClipFile> {
    work.signal?.throwIfAborted()
    const { bytes, type, ...rest } = await this.encode(settings, work)
    return { blob: new Blob([bytes], { type }), ...rest }
  }
}
