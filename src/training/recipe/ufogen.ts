import { z } from 'zod'
import { adversarial } from './distillation.js'

/** UFOGen with SF-V's discriminator (PAPER section 4). */
export const ufogen = z.strictObject({
  objective: z
    .literal('ufogen')
    .describe('UFOGen: a diffusion GAN, judged one noise level below, with reconstruction.'),
  ...adversarial,
  lambda: z.number().nonnegative().default(1).describe('Weight of the squared error of x_0.'),
})
