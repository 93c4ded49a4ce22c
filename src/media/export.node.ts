import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import type { ClipContent } from './clip.js'
import type { Gifenc } from './encode/gif.js'
import type { ExportSettings } from './export-settings.js'
import { exportWith, type Encoders, type Exported } from './export.js'
import type { ExportWork } from './fit-bytes.js'

/** Each is loaded when it is needed: together they would cost every command a quarter of a second. */
const encoders: Encoders = {
  // Loaders disagree about what this CommonJS package exports by default.
  gifenc: createRequire(import.meta.url)('gifenc') as Gifenc,
  pause: setImmediate,
  png: async (...picture) => (await import('./encode/png.node.js')).encodePng(...picture),
  webp: async (...clip) => (await import('./encode/webp.node.js')).encodeWebp(...clip),
  video: async (clip, format, quality, signal) =>
    format === 'mp4'
      ? (await import('./encode/mp4.node.js')).encodeMp4(clip, quality, signal)
      : (await import('./encode/webm.node.js')).encodeWebm(clip, quality, signal),
  opaque: ['mp4', 'webm'],
}

/**
 * Makes the file of a clip with the encoders of Node.
 *
 * @throws UserError as `exportWith` does.
 */
export function exportClip(clip: ClipContent, settings: ExportSettings, work?: ExportWork): Promise<Exported> {
  return exportWith(encoders, clip, settings, work)
}
