import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'
import { UserError } from '../errors.js'
import type { ClipContent } from './clip.js'
import type { Gifenc } from './encode/gif.js'
import { OPAQUE_IN_NODE, type ExportSettings } from './export-settings.js'
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
      : clip.alpha
        ? (await import('./encode/webm-alpha.node.js')).encodeWebmAlpha(clip, quality, signal)
        : (await import('./encode/webm.node.js')).encodeWebm(clip, quality, signal),
  opaque: OPAQUE_IN_NODE,
}

/**
 * Makes the file of a clip with the encoders of Node. Opacity goes into a WebM through the `ffmpeg` on PATH; where
 * there is none, the clip lies on white there.
 *
 * @throws UserError as `exportWith` does, and when a WebM is to be `transparent` and there is no such ffmpeg.
 */
export async function exportClip(clip: ClipContent, settings: ExportSettings, work?: ExportWork): Promise<Exported> {
  const { format, transparent } = settings
  const wanted = format === 'webm' && (transparent ?? clip.alpha !== undefined)
  if (!wanted || (await canKeepAlpha())) return exportWith(encoders, clip, settings, work)
  if (transparent) {
    throw new UserError(
      'webm keeps transparency through an ffmpeg with libvpx-vp9 alone, and none is on PATH; install ffmpeg 4.2 or newer, or choose webp, gif or apng',
    )
  }
  return exportWith(encoders, clip, { ...settings, transparent: false }, work)
}

async function canKeepAlpha(): Promise<boolean> {
  return (await import('./encode/webm-alpha.node.js')).canEncodeWebmAlpha()
}
