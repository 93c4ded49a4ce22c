// Reads and writes clips, away from the page.
import { readClip, type ClipSampling } from '../media/decode.web.js'
import type { ExportRequest } from '../media/export.js'
import { exportClip } from '../media/export.web.js'
import type { Frames } from '../media/frames.js'
import { figureAlpha } from '../media/key-white.js'
import { serve, type Work } from '../runtime/rpc.js'
import { lineToPage } from './worker-line.js'

/** What reading a clip is told. */
export interface ReadRequest {
  readonly source: Blob
  readonly sampling: ClipSampling
}

const handlers = {
  async exportClip({ clip, settings }: ExportRequest, { signal, report }: Work) {
    const exported = await exportClip(clip, settings, { signal, onProgress: report })
    return { value: exported, transfer: [exported.bytes.buffer] }
  },

  cutOut(frames: Frames) {
    const alpha = figureAlpha(frames)
    return Promise.resolve({ value: alpha, transfer: alpha ? [alpha.buffer] : [] })
  },

  async readClip({ source, sampling }: ReadRequest) {
    const clip = await readClip(source, sampling)
    return { value: clip, transfer: [clip.frames.data.buffer, ...(clip.alpha ? [clip.alpha.buffer] : [])] }
  },
}

serve(handlers, lineToPage())
