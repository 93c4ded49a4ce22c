import { type HeadKind } from '../../../src/models/discriminator/heads.js'
import { type UNetConfig } from '../../../src/models/unet/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { Random } from '../../../src/runtime/random.js'
import { initialValues } from '../../../src/training/trainer/initial-values.js'
import { Layout } from '../../../src/training/trainer/parameters.js'
import { traceUNet } from '../../../src/training/objectives/denoiser.js'
import { smokeRecipe } from './smoke.js'

const { network } = smokeRecipe('teacher')

/** The UNet of the smoke recipes: two blocks of 32 channels. */
export const CONFIG: UNetConfig = traceUNet(new ParameterSet(), network as object, 'recipes/smoke/teacher.json').config

/** One video of four frames of 8x8 latents. */
export const BATCH = { videos: 1, frames: 4, height: 8, width: 8 }

/** Generator, frozen backbone and heads on `CONFIG`, without values. */
export function tinyNetworks(heads: HeadKind) {
  return {
    config: CONFIG,
    generator: new ParameterSet('generator/'),
    backbone: new ParameterSet('backbone/'),
    heads: new ParameterSet('heads/'),
    headsConfig: { heads, width: 8, projection: 8 },
  }
}

/** First values with noise on them, so that no branch is left at zero. */
export function randomWeights(set: ParameterSet): Float32Array {
  const layout = new Layout(set.shapes)
  const values = initialValues(set, layout, 1)
  for (const { name, offset, size } of layout.spans) {
    const noise = new Random(2, `noise on ${set.prefix}${name}`).normals(size)
    noise.forEach((value, i) => (values[offset + i]! += 0.05 * value))
  }
  return values
}

/** Random latents, conditions and noise for both losses. */
export function randomBatch(): Record<string, Float32Array> {
  const random = new Random(3, 'batch')
  const size = BATCH.frames * CONFIG.outChannels * BATCH.height * BATCH.width
  return {
    ...Object.fromEntries(['latents', 'noise', 'noiseReal', 'noiseFake'].map((name) => [name, random.normals(size)])),
    imageLatents: random.normals(size / BATCH.frames),
    context: random.normals(CONFIG.down[0]!.contextWidth),
    addedTimeIds: Float32Array.of(6, 127, 0.05),
    sigma: Float32Array.of(2.27),
    sigmaNext: Float32Array.of(0.9),
    sigmaD: Float32Array.of(0.4),
  }
}
