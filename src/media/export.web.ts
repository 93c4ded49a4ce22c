import * as gifenc from 'gifenc'
import type { ClipContent } from './clip.js'
import type { Gifenc } from './encode/gif.js'
import { encodePixels } from './encode/png-pixels.js'
import { encodeVideo } from './encode/video.web.js'
import { encodeWebp } from './encode/webp.web.js'
import type { ExportSettings } from './export-settings.js'
import { exportWith, type Encoders, type Exported } from './export.js'
import type { ExportWork } from './fit-bytes.js'

const library = gifenc as unknown as Gifenc

const encoders: Encoders = {
  gifenc: library,
  pause: () => new Promise((resolve) => setTimeout(resolve)),
  png: (width, height, pixels) => Promise.resolve(encodePixels(width, height, pixels)),
  webp: encodeWebp,
  video: encodeVideo,
  opaque: ['mp4'],
}

/**
 * Makes the file of a clip with the browser's encoders.
 *
 * @throws UserError as `exportWith` does.
 */
export function exportClip(clip: ClipContent, settings: ExportSettings, work?: ExportWork): Promise<Exported> {
  return exportWith(encoders, clip, settings, work)
}
