import { z } from 'zod'
import { common, count, folder, latentBatch, network, noiseAugmentation, positive } from './fields.js'
import { optimizer } from './optimizer.js'

const lora = z
  .strictObject({
    rank: count.default(16).describe('Rank of the updates.'),
    alpha: positive.default(16).describe('The update is alpha/rank B A.'),
    targets: z
      .array(z.string())
      .min(1)
      .default(['to_q', 'to_k', 'to_v', 'to_out.0', 'conv1', 'conv2'])
      .describe('Modules that are adapted, by the last parts of their names: linear layers and convolutions.'),
  })
  .describe('Trains low-rank updates of these weights in place of all weights; left out, all are trained.')

/** What the distillations of a teacher have in common. */
export const distillation = {
  ...common,
  ...latentBatch,
  model: folder.describe('Pipeline folder with VAE, image encoder and teacher.'),
  network: network
    .optional()
    .describe("The teacher's config.json, for --dry-run where `model` is not there yet; not read in training."),
  ...noiseAugmentation,
  start: z
    .enum(['teacher', 'student'])
    .default('teacher')
    .describe('Which UNet of `model` the student begins as; `student` goes on from one that was distilled before.'),
  lora: lora.optional(),
  rematerialise: z
    .boolean()
    .default(false)
    .describe("Computes blocks' inner values again for the gradient, rather than keep them: less memory, more time."),
  optimizer: optimizer.describe('The optimiser of the student (SF-V: sm3, 1e-5).'),
}

/** What objectives with SF-V's discriminator have in common. */
export const adversarial = {
  ...distillation,
  generatorLevels: count
    .min(2)
    .default(4)
    .describe('Noise levels of the generator, t = 0 of which is left out (SF-V: T_g = 4).'),
  gamma: z
    .number()
    .nonnegative()
    .default(0.01)
    .describe('Weight of the gradient penalty R1 on real latents (the paper gives no number); 0 leaves it out.'),
  penaltyPlace: z
    .enum(['heads', 'input'])
    .default('heads')
    .describe("Where R1 is taken: on the input of each head, or on the discriminator's, through the backbone."),
  heads: z.enum(['spatial', 'temporal', 'both']).default('both').describe('Which heads judge (SF-V: both).'),
  headWidth: count.multipleOf(8).default(64).describe('Channels inside a head.'),
  headProjection: count.default(64).describe('Width of the projection on which a head is conditioned.'),
  headsOptimizer: optimizer.describe('The optimiser of the heads (SF-V: sm3, 1e-4).'),
}

/** Guidance of the teacher where it makes the targets. */
export const guidance = z
  .tuple([z.number(), z.number()])
  .default([1, 3])
  .describe("The teacher's guidance: at the first frame and at the last, on a line between (SVD: 1 to 3).")
