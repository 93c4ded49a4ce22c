import type { Picture } from './frames.js'
import { resizeWithAntialiasing, type Size, toPlanes, toSigned } from './resize.js'

/** Red, green, blue, for values of 0 to 1. */
export type Colour = readonly [red: number, green: number, blue: number]

/**
 * The picture for the image encoder, as `StableVideoDiffusionPipeline._encode_image` makes it: to [-1, 1], resized with
 * antialiasing (which may overshoot, and is not clamped), to [0, 1], normalised. The aspect ratio is not kept.
 *
 * @returns (3, height, width)
 */
export function clipInput(picture: Picture, size: Size, mean: Colour, std: Colour): Float32Array {
  const { data } = resizeWithAntialiasing(toPlanes(picture, toSigned), size)
  const pixels = size.height * size.width
  return data.map((value, i) => {
    const channel = Math.floor(i / pixels)
    return ((value + 1) / 2 - mean[channel]!) / std[channel]!
  })
}
