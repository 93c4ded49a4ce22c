import { sizeOf } from '../graph/tensor.js'
import type { Picture } from '../media/frames.js'
import type { Program } from '../runtime/program.js'
import type { Size } from '../media/resize.js'
import type { Autoencoder } from '../models/autoencoder.js'
import { clipInput, rgbaInput, vaeInput, type ClipPreprocessing } from './preprocess.js'

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

/** A picture as a first stage takes it, (channels, height, width) of a size. */
export function planesOf(picture: Picture, size: Size, { pixels }: Autoencoder): Float32Array {
  return pixels === 'rgb' ? vaeInput(picture, size) : rgbaInput(picture, size)
}

/** A picture's values plus noise of unit variance, `noiseAug` times half their range. */
export function augmented(
  planes: Float32Array,
  noise: Float32Array,
  noiseAug: number,
  { pixels }: Autoencoder,
): Float32Array {
  const strength = pixels === 'rgb' ? noiseAug : noiseAug / 2
  return planes.map((value, i) => value + strength * noise[i]!)
}

/**
 * Latents (count, c, h, w) of pictures: the mean of the first stage's encoding, unscaled.
 *
 * @param planes of `planesOf`, as many as the program takes at a time
 * @param vaeEncoder a program of `PictureNetworks.vaeEncoder`
 * @param first what the clip begins with, where the latents are to be relative to it; left out, they show the pictures
 *   themselves
 */
export async function encodePlanes(
  planes: Float32Array,
  vaeEncoder: Program,
  first?: Float32Array,
): Promise<Float32Array> {
  const port = vaeEncoder.inputs.find(({ name }) => name === 'first')
  const feeds = port && { first: first ?? new Float32Array(sizeOf(port.shape)) }
  return (await vaeEncoder.run({ picture: planes, ...feeds }))['latents']!
}

/** The numbers that SVD is told about a clip, (3): fps - 1, motion bucket, noise augmentation strength. */
export function addedTimeIds(settings: { fps: number; motion: number; noiseAug: number }): Float32Array {
  return Float32Array.of(settings.fps - 1, settings.motion, settings.noiseAug)
}
