import { UserError } from '../errors.js'
import type { ClipContent } from '../media/clip.js'
import type { Picture } from '../media/frames.js'
import { figureAlpha } from '../media/key-white.js'
import type { Model } from '../svd/model.js'
import type { AnySettings } from './settings.js'

type Choice = AnySettings['alpha']

/**
 * A picture with the transparency that is asked for: its own, none, or that of the figure cut out of its white ground.
 *
 * @throws UserError when its own is to be kept and the model makes none.
 */
export function pictureWithAlpha(picture: Picture, choice: Choice, { path, autoencoder }: Model): Picture {
  const { width, height, data, alpha } = picture
  if (choice === 'white') return { width, height, data }
  if (choice === 'key' && !alpha) return { width, height, data, alpha: figureAlpha({ ...picture, count: 1 }) }
  if (choice === 'keep' && alpha && autoencoder.pixels === 'rgb') {
    throw new UserError(
      `${path} makes no transparency, and alpha is keep; give key, which cuts the figure out of white, or white`,
    )
  }
  return picture
}

/** A clip that is to be edited or gone on from, in the same way. */
export function clipWithAlpha<T extends Pick<ClipContent, 'frames' | 'alpha'>>(clip: T, choice: Choice): T {
  if (choice === 'white') return { ...clip, alpha: undefined }
  if (choice === 'key' && !clip.alpha) return { ...clip, alpha: figureAlpha(clip.frames) }
  return clip
}
