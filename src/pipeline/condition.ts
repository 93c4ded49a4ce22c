import type { Picture } from '../media/frames.js'
import type { Program } from '../runtime/program.js'
import { clipInput, vaeInput, type ClipPreprocessing } from './preprocess.js'

/**
 * The picture's CLIP embedding, (projection). The image encoder sees the picture without augmentation noise.
 *
 * @param imageEncoder a program of `Model.imageEncoder`
 */
export async function embedPicture(
  picture: Picture,
  preprocessing: ClipPreprocessing,
  imageEncoder: Program,
): Promise<Float32Array> {
  const { embedding } = await imageEncoder.run({ pixels: clipInput(picture, preprocessing) })
  return embedding!
}

/**
 * The picture's latents (c, h, w): the mean of the VAE's encoding of the picture plus `noiseAug` times `noise`, unscaled.
 *
 * @param noise (3, height, width), unit variance
 * @param vaeEncoder a program of `Model.vaeEncoder` for height x width
 */
export async function encodePicture(
  picture: Picture,
  noise: Float32Array,
  noiseAug: number,
  vaeEncoder: Program,
): Promise<Float32Array> {
  const [height, width] = vaeEncoder.inputs[0]!.shape.slice(2) as [number, number]
  const noisy = vaeInput(picture, { height, width }).map((value, i) => value + noiseAug * noise[i]!)
  const { latents } = await vaeEncoder.run({ picture: noisy })
  return latents!
}

/** The numbers that SVD is told about a clip, (3): fps - 1, motion bucket, noise augmentation strength. */
export function addedTimeIds(settings: { fps: number; motion: number; noiseAug: number }): Float32Array {
  return Float32Array.of(settings.fps - 1, settings.motion, settings.noiseAug)
}
