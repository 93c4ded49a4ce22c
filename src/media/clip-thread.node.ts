// Encodes clips in a thread of its own: some encoders are busy for longer than an event loop may wait.
import { serve, type Work } from '../runtime/rpc.js'
import { lineToMaker } from '../runtime/thread.node.js'
import { exportClip } from './export.node.js'
import type { ExportRequest } from './export.js'

const handlers = {
  async exportClip({ clip, settings }: ExportRequest, { signal, report }: Work) {
    const exported = await exportClip(clip, settings, { signal, onProgress: report })
    // What an encoder gives may lie in memory that others use too, which cannot be given away.
    const bytes = Uint8Array.from(exported.bytes)
    return { value: { ...exported, bytes }, transfer: [bytes.buffer] }
  },
}

serve(handlers, lineToMaker())
