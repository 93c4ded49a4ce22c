import { z } from 'zod'
import { UserError } from '../errors.js'
import { adamW, sm3, type Optimizer } from './optimizers.js'

const positive = z.number().positive()
const count = z.int().positive()
const json = z.record(z.string(), z.unknown())

const optimizer = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('adamw'),
    learningRate: positive,
    betas: z.tuple([z.number(), z.number()]).default([0.9, 0.99]),
    eps: positive.default(1e-8),
    weightDecay: z.number().nonnegative().default(0),
  }),
  z.strictObject({
    name: z.literal('sm3'),
    learningRate: positive,
    momentum: z.number().min(0).max(1).default(0.5),
    beta: z.number().min(0).max(1).default(0.999),
    eps: positive.default(1e-30),
  }),
])

const common = {
  /** For editors; not read. */
  $schema: z.string().optional(),
  /** Everything random in the run follows from it. */
  seed: z.int().nonnegative().default(0),
  steps: count,
  /** Folder of a clip store made by `sfv data`. */
  data: z.string(),
  /** Pipeline folder that the finished component is written to, in diffusers layout, float16. */
  output: z.string(),
  /** Steps over which the learning rate rises from 0. */
  warmup: z.int().nonnegative().default(100),
  /** What the learning rate does after the warm-up: stays, or falls to 0 along a half cosine. */
  decay: z.enum(['constant', 'cosine']).default('cosine'),
  maxGradientNorm: positive.default(1),
  /** Decay of the average of the weights, which is what is sampled and saved. */
  ema: z.number().min(0).max(1).default(0.999),
  checkpointEvery: count.default(200),
  sampleEvery: count.default(200),
}

const latentBatch = {
  /** Clips in a batch. */
  batch: count.default(1),
  frames: count.default(14),
}

const vae = z.strictObject({
  objective: z.literal('vae'),
  ...common,
  /** Clip store of stills, half of each batch where given. */
  stills: z.string().optional(),
  /** The network's config.json, for weights from scratch; or a pipeline folder to go on from. */
  network: z.union([json, z.string()]),
  batch: count.default(4),
  frames: count.default(4),
  /** Side of the square crops, in pixels. */
  crop: count.default(64),
  klWeight: z.number().nonnegative().default(1e-6),
  edgeWeight: z.number().nonnegative().default(0.5),
  optimizer,
})

const imageEncoder = z.strictObject({
  objective: z.literal('image-encoder'),
  ...common,
  network: z.union([json, z.string()]),
  /** Figures in a batch, each seen twice. */
  batch: count.default(24),
  temperature: positive.default(0.1),
  optimizer,
})

const teacher = z.strictObject({
  objective: z.literal('teacher'),
  ...common,
  ...latentBatch,
  /** Pipeline folder with the VAE and the image encoder. */
  model: z.string(),
  network: z.union([json, z.string()]),
  /** ln sigma is drawn from a Gaussian of this mean and deviation (SVD: 0.7 and 1.6). */
  pMean: z.number().default(0.7),
  pStd: positive.default(1.6),
  /** Share of samples whose image condition is replaced by zeros, for guidance. */
  conditionDropout: z.number().min(0).max(1).default(0.1),
  /** ln of the noise augmentation's strength: mean and deviation (SVD: -3 and 0.5). */
  noiseAugMean: z.number().default(-3),
  noiseAugStd: z.number().nonnegative().default(0.5),
  optimizer,
})

const sfv = z.strictObject({
  objective: z.literal('sfv'),
  ...common,
  ...latentBatch,
  /** Pipeline folder with VAE, image encoder and teacher. */
  model: z.string(),
  /** Noise levels of the generator (PAPER: T_g = 4, t = 0 left out). */
  generatorLevels: count.min(2).default(4),
  /** Discretised lognormal of the discriminator's noise (PAPER: -1, -1 over T_d = 1000). */
  pMean: z.number().default(-1),
  pStd: z.number().default(-1),
  discriminatorLevels: count.min(2).default(1000),
  /** Weight of the pseudo-Huber reconstruction (PAPER: 0.1). */
  lambda: z.number().nonnegative().default(0.1),
  noiseAugMean: z.number().default(-3),
  noiseAugStd: z.number().nonnegative().default(0.5),
  heads: z.enum(['spatial', 'temporal', 'both']).default('both'),
  headWidth: count.multipleOf(8).default(64),
  headProjection: count.default(64),
  optimizer,
  headsOptimizer: optimizer,
})

const recipeSchema = z.discriminatedUnion('objective', [vae, imageEncoder, teacher, sfv])

/** A training run, every default filled in. */
export type Recipe = z.output<typeof recipeSchema>
/** The recipe of one objective. */
export type RecipeOf<O extends Recipe['objective']> = Extract<Recipe, { objective: O }>
/** An optimiser's settings in a recipe. */
export type OptimizerRecipe = z.output<typeof optimizer>

/**
 * Reads a recipe and fills in the defaults.
 *
 * @throws UserError naming the file and the first field that is unknown, missing or of the wrong kind.
 */
export function parseRecipe(value: unknown, file: string): Recipe {
  const result = recipeSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys')
    throw new UserError(
      `${file}: unknown field ${[path, issue.keys[0]].filter(Boolean).join('.')}; remove it or correct its name`,
    )
  throw new UserError(`${file}: field ${path || '(top)'} is not valid: ${issue.message}`)
}

/** The optimiser that a recipe describes. */
export function optimizerOf(recipe: OptimizerRecipe): Optimizer {
  return recipe.name === 'adamw' ? adamW(recipe) : sm3(recipe)
}

/** Learning rate of a step, counted from 1: linear warm-up, then constant or a half cosine down to 0. */
export function learningRate(peak: number, step: number, { warmup, decay, steps }: Recipe): number {
  if (step <= warmup) return (peak * step) / warmup
  if (decay === 'constant') return peak
  return (peak * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)))) / 2
}
