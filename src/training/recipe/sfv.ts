import { z } from 'zod'
import { common, count, latentBatch, network, noiseAugmentation } from './fields.js'
import { optimizer } from './optimizer.js'

/** Distils the teacher into a generator of one forward pass (PAPER section 2). */
export const sfv = z.strictObject({
  objective: z.literal('sfv').describe("SF-V: adversarial distillation against heads on the teacher's frozen encoder."),
  ...common,
  ...latentBatch,
  model: z.string().describe('Pipeline folder with VAE, image encoder and teacher.'),
  network: network
    .optional()
    .describe("The teacher's config.json, for --dry-run where `model` is not there yet; not read in training."),
  generatorLevels: count
    .min(2)
    .default(4)
    .describe('Noise levels of the generator, t = 0 of which is left out (SF-V: T_g = 4).'),
  pMean: z.number().default(-1).describe("Mean of ln sigma' in the discriminator's discretised lognormal (SF-V: -1)."),
  pStd: z.number().default(-1).describe("Deviation of ln sigma'; its sign cancels (SF-V: -1)."),
  discriminatorLevels: count.min(2).default(1000).describe('Noise levels of the discriminator (SF-V: T_d = 1000).'),
  lambda: z.number().nonnegative().default(0.1).describe('Weight of the pseudo-Huber reconstruction (SF-V: 0.1).'),
  gamma: z
    .number()
    .nonnegative()
    .default(0.1)
    .describe('Weight of the gradient penalty R1 on real latents (the paper gives no number); 0 leaves it out.'),
  penaltyPlace: z
    .enum(['heads', 'input'])
    .default('heads')
    .describe("Where R1 is taken: on the input of each head, or on the discriminator's, through the backbone."),
  ...noiseAugmentation,
  heads: z.enum(['spatial', 'temporal', 'both']).default('both').describe('Which heads judge (SF-V: both).'),
  headWidth: count.multipleOf(8).default(64).describe('Channels inside a head.'),
  headProjection: count.default(64).describe('Width of the projection on which a head is conditioned.'),
  optimizer: optimizer.describe('The optimiser of the generator (SF-V: sm3, 1e-5).'),
  headsOptimizer: optimizer.describe('The optimiser of the heads (SF-V: sm3, 1e-4).'),
})
