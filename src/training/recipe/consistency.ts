import { z } from 'zod'
import { distillation, guidance } from './distillation.js'
import { count } from './fields.js'

/** Consistency distillation as in AnimateLCM (PAPER section 4). */
export const consistency = z.strictObject({
  objective: z
    .literal('consistency')
    .describe("Consistency distillation: the student's average, one guided teacher step on, is the target."),
  ...distillation,
  levels: count.min(2).default(25).describe('Noise levels between which the teacher steps.'),
  guidance,
})
