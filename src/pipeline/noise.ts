import { Random } from '../runtime/random.js'
import { TorchRandom } from '../runtime/torch-random.js'
import type { CheckedSettings } from './settings.js'

/** Draws `count` numbers of mean 0 and variance 1 for a use that has a name. */
export type NoiseSource = (use: string, count: number) => Float32Array

/**
 * Where the noise of a clip comes from. sfv's own generator has a stream for each use, so that none depends on how much
 * another draws. PyTorch's is one stream, drawn from in the order of diffusers: for the picture, for the latents, and
 * then for each step of a consistency model, as its scheduler does with the `generator` of the pipeline.
 */
export function noiseSource(generator: CheckedSettings['generator'], seed: number): NoiseSource {
  if (generator === 'sfv') return (use, count) => new Random(seed, use).normals(count)
  const random = new TorchRandom(seed)
  return (_, count) => random.randn(count)
}
