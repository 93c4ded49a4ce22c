import { UserError } from '../errors.js'
import type { Picture } from '../media/frames.js'
import { controlValues } from '../models/controls.js'
import { concatenated } from '../runtime/concatenated.js'
import type { Held } from './hold.js'
import type { Model } from '../svd/model.js'
import type { Plan } from './plan.js'

/**
 * How a clip is brought to a last frame: the UNet is `told` of it where it takes one; else what is made forward from the first
 * and backward from the last is `fused`.
 *
 * @throws UserError when the model can do neither.
 */
export function boundOf(model: Model, component: string, loop: boolean, end: boolean): 'told' | 'fused' | undefined {
  if (end && loop) throw new UserError('a loop ends with its first frame; leave out the end frame, or loop')
  if (!end && !loop) return undefined
  if (model.controls(component).includes('end_frame')) return 'told'
  const what = loop ? 'make loops' : 'end with a given picture'
  if (model.autoencoder.relative)
    throw new UserError(
      `${model.path} cannot ${what}: its ${component} takes no end frame; leave ${loop ? 'loop' : 'it'} out`,
    )
  return 'fused'
}

/**
 * The pictures whose latents a clip is known to have at its ends: what it begins with, where latents are relative to that or
 * an end frame is known, and what it ends with.
 */
export function endsOf({ bound, loop }: Plan, model: Model, first: Picture, end: Picture | undefined): Picture[] {
  if (bound) return [first, loop ? first : end!]
  return model.autoencoder.relative ? [first] : []
}

/**
 * What the UNet is told besides the picture: the end frame and how parts move, where that is known. None where it takes nothing.
 *
 * @param known latents of `endsOf`, unscaled
 * @param motionHints (f, 3, h, w)
 */
export function controlsFor(
  { component, geometry }: Plan,
  model: Model,
  known: readonly Float32Array[],
  motionHints?: Float32Array,
): Float32Array | undefined {
  const kinds = model.controls(component)
  if (kinds.length === 0) return undefined
  const { scalingFactor, latentChannels } = model.vaeConfig
  const { frames, latentHeight, latentWidth } = geometry
  const size = { frames, channels: latentChannels, height: latentHeight, width: latentWidth }
  return controlValues(kinds, size, { endLatents: known[1]?.map((value) => value * scalingFactor), motionHints })
}

/**
 * Holds the frames at both ends to their known latents through the whole walk, where the UNet is not told of the last.
 *
 * @param known latents of `endsOf`, unscaled
 */
export function heldEnds(
  { bound, geometry, schedule }: Plan,
  [first, last]: readonly Float32Array[],
  scalingFactor: number,
): Held[] {
  if (bound !== 'fused' || !first || !last) return []
  const { frames, latentHeight, latentWidth } = geometry
  const cells = latentHeight * latentWidth
  const latents = new Float32Array(frames * first.length)
  pinEnds(latents, [first, last], scalingFactor)
  const until = new Int32Array(frames * cells)
  until.fill(schedule.timesteps.length, 0, cells).fill(schedule.timesteps.length, (frames - 1) * cells)
  return [{ latents, until }]
}

/**
 * Holds the first frames to those of the clip that this one goes on from.
 *
 * @param earlier their latents, scaled
 */
export function heldBefore({ geometry, schedule }: Plan, earlier: readonly Float32Array[]): Held[] {
  if (earlier.length === 0) return []
  const { frames, latentHeight, latentWidth } = geometry
  const cells = latentHeight * latentWidth
  const latents = new Float32Array(frames * earlier[0]!.length)
  latents.set(concatenated(earlier))
  const until = new Int32Array(frames * cells).fill(schedule.timesteps.length, 0, earlier.length * cells)
  return [{ latents, until }]
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
