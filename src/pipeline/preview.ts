import { concatenated } from '../runtime/concatenated.js'
import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { resizePicture } from '../media/lanczos.js'
import { fitPicture } from './fit.js'
import { geometryOf } from './geometry.js'
import type { Model } from '../svd/model.js'
import { dragsOf } from './motions.js'
import { roughClip } from './rough-clip.js'
import type { CheckedSettings } from './settings.js'
import { stillPixels, withStill, type Masks } from './still.js'

/**
 * The rough clip that drags and masks make of a picture: what a clip will be steered by. No network runs.
 *
 * @throws UserError when the model cannot make clips of that size.
 */
export function previewClip(picture: Picture, settings: CheckedSettings, masks: Masks, model: Model): ClipContent {
  const geometry = geometryOf(settings, model.unetConfig('unet'), model.vaeConfig)
  const { frames: count, width, height } = geometry
  const fitted = fitPicture(picture, width, height, settings.fit)
  const rough = roughClip(
    resizePicture(fitted, width, height),
    dragsOf(settings.motions, picture, geometry, settings),
    count,
  )
  const frames = { width, height, count, data: concatenated(rough.map(({ data }) => data)) }
  const alpha = fitted.alpha && concatenated(rough.map(({ alpha }) => alpha!))
  const made = alpha ? { frames, alpha } : { frames }
  const still = stillPixels(masks, picture, geometry, settings.fit)
  return { ...(still ? withStill(made, still, fitted) : made), fps: settings.fps, metadata: { software: 'sfv' } }
}
