import { z } from 'zod'
import { adamW, sm3, type Optimizer } from '../optimizers.js'
import { positive, share } from './fields.js'

const learningRate = positive.describe('Peak learning rate, reached after the warm-up.')

/** The optimisers that a recipe can name. */
export const optimizer = z
  .discriminatedUnion('name', [
    z.strictObject({
      name: z.literal('adamw').describe("Loshchilov and Hutter's AdamW, as in PyTorch."),
      learningRate,
      betas: z
        .tuple([z.number(), z.number()])
        .default([0.9, 0.99])
        .describe('Decays of the averages of gradient and squared gradient.'),
      eps: positive.default(1e-8).describe('Added to the root of the second moment.'),
      weightDecay: z.number().nonnegative().default(0).describe('Decoupled weight decay.'),
    }),
    z.strictObject({
      name: z.literal('sm3').describe("Anil et al.'s SM3-II: little memory; what SF-V was trained with."),
      learningRate,
      momentum: share.default(0.5).describe('Momentum on the preconditioned gradient (SF-V: 0.5).'),
      beta: share
        .default(0.999)
        .describe('Above 0, squared gradients are averaged with this decay (SF-V: 0.999); 0 is the published SM3-II.'),
      eps: positive.default(1e-30).describe('Added to the second moment.'),
    }),
  ])
  .describe('The optimiser and its learning rate.')

/** An optimiser's settings in a recipe. */
export type OptimizerRecipe = z.output<typeof optimizer>

/** The optimiser that a recipe describes. */
export function optimizerOf(recipe: OptimizerRecipe): Optimizer {
  return recipe.name === 'adamw' ? adamW(recipe) : sm3(recipe)
}
