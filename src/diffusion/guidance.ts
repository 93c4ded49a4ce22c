import { UserError } from '../errors.js'

/** Classifier-free guidance over a clip: its scale at the first frame and at the last. */
export interface GuidanceRange {
  readonly min: number
  readonly max: number
}

/**
 * Whether the sampler runs the network twice: the last frame's scale is above 1.
 *
 * @throws UserError when the scale falls from above 1 to 1 or less, which the reference cannot do either.
 */
export function isGuided({ min, max }: GuidanceRange): boolean {
  if (max <= 1 && min > 1)
    throw new UserError(
      `guidance ${min}:${max} falls from above 1 to ${max}; give a last scale above 1, or 1:1 for none`,
    )
  return max > 1
}

/** (frames): the scale of each frame, evenly spaced from `min` to `max`; one frame has `min`. */
export function guidanceScales(min: number, max: number, frames: number): Float32Array {
  return Float32Array.from({ length: frames }, (_, i) => (frames === 1 ? min : min + ((max - min) * i) / (frames - 1)))
}

/**
 * uncond + scale (cond - uncond), each frame with its own scale, as `StableVideoDiffusionPipeline` does.
 *
 * @param uncond (f, c, h, w), the network's output without the picture
 * @param cond (f, c, h, w), with it
 * @param scales (f)
 */
export function applyGuidance(uncond: Float32Array, cond: Float32Array, scales: Float32Array): Float32Array {
  const frame = uncond.length / scales.length
  if (cond.length !== uncond.length || !Number.isInteger(frame))
    throw new RangeError(`guidance of ${uncond.length} and ${cond.length} values over ${scales.length} frames`)
  return uncond.map((value, i) => value + scales[Math.floor(i / frame)]! * (cond[i]! - value))
}
