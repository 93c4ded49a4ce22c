import { UserError } from '../errors.js'
import type { Picture } from '../media/frames.js'
import { controlValues } from '../models/controls.js'
import type { Model } from './model.js'
import type { Plan } from './plan.js'

/**
 * The pictures whose latents a clip is known to have at its ends: what it begins with, where latents are relative to that or
 * an end frame is told beside it, and what it ends with.
 *
 * @throws UserError when an end frame is given that the UNet does not take.
 */
export function endsOf({ component, loop }: Plan, model: Model, first: Picture, end: Picture | undefined): Picture[] {
  const takesEnd = model.controls(component).includes('end_frame')
  if (end && !takesEnd)
    throw new UserError(`${model.path} takes no end frame; leave it out, or use a model that takes one`)
  if (end && loop) throw new UserError('a loop ends with its first frame; leave out the end frame, or loop')
  const last = loop === 'end frame' ? first : end
  if (last) return [first, last]
  return model.autoencoder.relative ? [first] : []
}

/**
 * What the UNet is told besides the picture: the end frame, where one is known. None where it takes nothing.
 *
 * @param known latents of `endsOf`, unscaled
 */
export function controlsFor(
  { component, geometry }: Plan,
  model: Model,
  known: readonly Float32Array[],
): Float32Array | undefined {
  const kinds = model.controls(component)
  if (kinds.length === 0) return undefined
  const { scalingFactor, latentChannels } = model.vaeConfig
  const { frames, latentHeight, latentWidth } = geometry
  const size = { frames, channels: latentChannels, height: latentHeight, width: latentWidth }
  return controlValues(kinds, size, { endLatents: known[1]?.map((value) => value * scalingFactor) })
}

/**
 * Puts the known latents in the place of those that the denoiser has made of the same frames.
 *
 * @param latents (f, c, h, w), scaled; changed
 * @param known latents of `endsOf`, unscaled
 */
export function pinEnds(latents: Float32Array, [first, last]: readonly Float32Array[], scalingFactor: number): void {
  if (first) latents.set(first.map((value) => value * scalingFactor))
  if (last)
    latents.set(
      last.map((value) => value * scalingFactor),
      latents.length - last.length,
    )
}
