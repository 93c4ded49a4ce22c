import { AnyClip } from '../media/any-clip.js'
import type { DecodedClip } from '../media/clip-frame.js'
import type { ClipSampling } from '../media/decode.web.js'
import { EXPORT_FORMATS, type ExportFormat, type ExportOptions, type ExportSettings } from '../media/export-settings.js'
import type { Exported, ExportRequest } from '../media/export.js'
import type { ExportWork } from '../media/fit-bytes.js'
import { UserError } from '../errors.js'
import type { ReadRequest } from './media-worker.js'
import { Remote } from '../runtime/rpc.js'
import { lineTo } from './worker-line.js'

let remote: Remote | undefined

/** The worker that reads and writes clips, made when it is first needed. */
function mediaWorker(): Remote {
  if (!remote || remote.ended)
    remote = new Remote(lineTo(new Worker(new URL('./media-worker.js', import.meta.url), { type: 'module' })))
  return remote
}

/** A clip in memory that can be saved. */
export class Clip extends AnyClip {
  /**
   * Hands the clip to the browser as a download; the name's ending chooses the format, as in Node.
   *
   * @throws UserError as `toFile` does, and when the ending is none of them.
   */
  async save(name: string, { signal, ...options }: ExportOptions = {}): Promise<void> {
    const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
    const format: ExportFormat | undefined = EXPORT_FORMATS.find((each) => each === ending)
    if (!format) throw new UserError(`cannot save ${name}: end it in one of ${EXPORT_FORMATS.join(', ')}`)
    const { blob } = await this.toFile({ ...options, format }, { signal })
    offerDownload(blob, format === 'png' ? name.replace(/png$/i, 'zip') : name)
  }

  protected override encode(settings: ExportSettings, work: ExportWork): Promise<Exported> {
    const request: ExportRequest = { clip: this.content, settings }
    return mediaWorker().call('exportClip', request, work)
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
  const decoded = await mediaWorker().call<DecodedClip>('readClip', request)
  return new Clip({ ...decoded, fps: sampling.fps, metadata: {} })
}

/**
 * A clip with the opacity of its figure, which is cut from the white that it stands on. A clip that has opacity of its own, or
 * fills its frame as a photograph does, is given back as it is.
 */
export async function cutOut(clip: Clip): Promise<Clip> {
  if (clip.alpha) return clip
  const alpha = await mediaWorker().call<Uint8Array | undefined>('cutOut', clip.frames)
  return alpha ? new Clip({ frames: clip.frames, alpha, fps: clip.fps, metadata: clip.metadata }) : clip
}
