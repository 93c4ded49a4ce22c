import { z } from 'zod'
import { adamW, sm3, type Optimizer } from '../trainer/optimizers.js'

/** A number above 0. */
export const positive = z.number().positive()
/** A whole number from 1. */
export const count = z.int().positive()
/** A share or a decay. */
export const share = z.number().min(0).max(1)

/** A folder, relative to the one in which the command is run. */
export const folder = z.string().min(1)

/** What every recipe has. Descriptions are shown by editors, through `recipes/schema.json`. */
export const common = {
  $schema: z.string().optional().describe('The JSON Schema of recipes, for editors; not read.'),
  seed: z.int().nonnegative().default(0).describe('Everything random in the run follows from it.'),
  steps: count.describe('Optimiser steps to take.'),
  data: folder.describe('Folder of a clip store made by `sfv data`.'),
  output: folder.describe(
    'Pipeline folder that the finished component is written to, in diffusers layout, float16, with all that makes a model of it.',
  ),
  warmup: z
    .int()
    .nonnegative()
    .default(100)
    .describe('Steps over which the learning rate rises from 0 to the value of the optimiser.'),
  decay: z
    .enum(['constant', 'cosine'])
    .default('cosine')
    .describe('What the learning rate does after the warm-up: it stays, or falls to 0 along half a cosine.'),
  maxGradientNorm: positive
    .default(1)
    .describe('A gradient whose norm over all parameters is larger is scaled down to it.'),
  ema: share
    .default(0.999)
    .describe('Decay of the average of the weights, which is what is sampled and saved (SF-V: 0.95).'),
  checkpointEvery: count.default(200).describe('Steps between the checkpoints that --resume goes on from.'),
  keepCheckpoints: count
    .min(2)
    .default(2)
    .describe('How many of the newest checkpoints are kept; two, so that one from before a divergence is at hand.'),
  keepEvery: count
    .optional()
    .describe('Checkpoints at multiples of this step are kept for good besides. Left out: none.'),
  processes: z
    .union([z.literal('auto'), count])
    .default('auto')
    .describe(
      'Processes of this machine that share each batch, on the CPU; auto: as many as there are cores, as far as they divide the batch.',
    ),
  sampleEvery: count.default(200).describe('Steps between sample sheets and clips.'),
}

/** What recipes have that train on latents of clips. */
export const latentBatch = {
  batch: count.default(1).describe('Clips in a batch; under MPI, in the batch of each rank.'),
  frames: count.default(14).describe('Consecutive frames of a clip that make a sample.'),
  width: count.optional().describe('Width of the clips in pixels, for --dry-run where `data` is not there yet.'),
  height: count.optional().describe('Height of the clips in pixels, for --dry-run where `data` is not there yet.'),
  pool: count
    .default(20000)
    .describe('Videos that samples are drawn from. Each is drawn and encoded once, and kept beside the clips.'),
  rates: z
    .tuple([positive, positive])
    .optional()
    .describe('Frames a second of the samples, from and to. Left out: the rate of the clip store.'),
  reversed: share.default(0).describe('Share of the clips that are played backwards.'),
  augmentation: share
    .default(0)
    .describe(
      'Share of samples that are altered: half of those mirrored, a quarter in other colours, a quarter on another ground.',
    ),
  stills: z
    .union([folder, z.array(folder)])
    .optional()
    .describe('Clip stores of stills, moved by design as stickers are: a part of the samples where given.'),
  stillsShare: share.default(0.2).describe('Share of samples that are stills, where `stills` is given.'),
  endShare: share.default(0.2).describe('Share of samples that are told their last frame, where the UNet takes it.'),
  hintShare: share
    .default(0.3)
    .describe('Share of samples that are told how some of their parts move, where the UNet takes it.'),
  accumulation: count.default(1).describe('Batches whose gradients are averaged for one step of the optimiser.'),
}

/** The noise augmentation of the conditioning picture, as SVD was trained. */
export const noiseAugmentation = {
  noiseAugMean: z.number().default(-3).describe('Mean of ln(noise augmentation strength) (SVD: -3).'),
  noiseAugStd: z
    .number()
    .nonnegative()
    .default(0.5)
    .describe('Deviation of ln(noise augmentation strength) (SVD: 0.5).'),
}

/** A network from scratch by its config.json, or by the pipeline folder that it is in. */
export const network = z
  .union([z.record(z.string(), z.unknown()), folder])
  .describe("The network's config.json, for weights from scratch; or a pipeline folder to go on from.")

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
