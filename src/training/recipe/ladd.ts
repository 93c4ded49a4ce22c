import { z } from 'zod'
import { adversarial, guidance } from './distillation.js'
import { count, positive } from './fields.js'

/** LADD with SF-V's discriminator (PAPER section 4). */
export const ladd = z.strictObject({
  objective: z.literal('ladd').describe("LADD: adversarial on the teacher's samples, without reconstruction."),
  ...adversarial,
  pMean: z.number().default(1).describe("Mean of ln sigma', which is the mean of logit t (LADD: 1)."),
  pStd: positive.default(1).describe("Deviation of ln sigma', which is that of logit t (LADD: 1)."),
  guidance,
  teacherSteps: count.default(8).describe("Euler steps of each of the teacher's samples."),
  teacherSamples: count.default(256).describe('Samples of the teacher in the pool, each made when first drawn.'),
})
