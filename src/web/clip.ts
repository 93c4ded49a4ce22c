import type { ClipContent } from '../media/clip.js'
import type { ClipSampling } from '../media/decode.web.js'
import { EXPORT_FORMATS, type ExportFormat, type ExportSettings } from '../media/export-settings.js'
import type { Exported } from '../media/export.web.js'
import type { Frames } from '../media/frames.js'
import { UserError } from '../errors.js'
import type { ExportRequest, ReadRequest } from './media-worker.js'
import { Remote } from '../runtime/rpc.js'
import { lineTo } from './worker-line.js'

let remote: Remote | undefined

/** The worker that reads and writes clips, made when it is first needed. */
function mediaWorker(): Remote {
  if (!remote || remote.ended)
    remote = new Remote(lineTo(new Worker(new URL('./media-worker.js', import.meta.url), { type: 'module' })))
  return remote
}

/** A saved clip. */
export interface ClipFile extends Omit<Exported, 'bytes' | 'type'> {
  readonly blob: Blob
}

/** A clip in memory that can be saved. */
export class Clip implements ClipContent {
  readonly frames: Frames
  readonly fps: number
  readonly metadata: Readonly<Record<string, string>>

  constructor({ frames, fps, metadata }: ClipContent) {
    this.frames = frames
    this.fps = fps
    this.metadata = metadata
  }

  /**
   * The clip as a file: mp4, webm, webp, gif, apng, or a zip of PNG frames.
   *
   * @throws UserError when the browser has no encoder for the format, or the file cannot be made as small as it must be.
   */
  async toFile(settings: ExportSettings, options: { readonly signal?: AbortSignal } = {}): Promise<ClipFile> {
    const { frames, fps, metadata } = this
    const request: ExportRequest = { clip: { frames, fps, metadata }, settings }
    const { bytes, type, ...rest } = await mediaWorker().call<Exported>('exportClip', request, options)
    return { blob: new Blob([bytes], { type }), ...rest }
  }

  /**
   * Hands the clip to the browser as a download; the name's ending chooses the format, as in Node.
   *
   * @throws UserError as `toFile` does, and when the ending is none of them.
   */
  async save(name: string, settings: Omit<ExportSettings, 'format'> = {}): Promise<void> {
    const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
    const format: ExportFormat | undefined = EXPORT_FORMATS.find((each) => each === ending)
    if (!format) throw new UserError(`cannot save ${name}: end it in one of ${EXPORT_FORMATS.join(', ')}`)
    const { blob } = await this.toFile({ ...settings, format })
    offerDownload(blob, format === 'png' ? name.replace(/png$/i, 'zip') : name)
  }
}

/** Lets the browser save a file. */
export function offerDownload(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // The download has its own hold of the blob once it began.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/**
 * Reads the beginning of an animated picture or a video, so that it can be edited.
 *
 * @throws UserError when it cannot be read, does not move, or the browser has no decoder for it.
 */
export async function readClip(source: Blob, sampling: ClipSampling): Promise<Clip> {
  const request: ReadRequest = { source, sampling }
  const frames = await mediaWorker().call<Frames>('readClip', request)
  return new Clip({ frames, fps: sampling.fps, metadata: {} })
}
