import { z } from 'zod'
import { adversarial } from './distillation.js'
import { count } from './fields.js'

/** Distils the teacher into a generator of one forward pass (PAPER section 2). */
export const sfv = z.strictObject({
  objective: z.literal('sfv').describe("SF-V: adversarial distillation against heads on the teacher's frozen encoder."),
  ...adversarial,
  pMean: z.number().default(-1).describe("Mean of ln sigma' in the discriminator's discretised lognormal (SF-V: -1)."),
  pStd: z.number().default(-1).describe("Deviation of ln sigma'; its sign cancels (SF-V: -1)."),
  discriminatorLevels: count.min(2).default(1000).describe('Noise levels of the discriminator (SF-V: T_d = 1000).'),
  lambda: z.number().nonnegative().default(0.1).describe('Weight of the pseudo-Huber reconstruction (SF-V: 0.1).'),
})
