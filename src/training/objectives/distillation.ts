import { z } from 'zod'
import { UserError } from '../../errors.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { loraWeights } from '../../nn/lora.js'
import { missingTargets } from '../lora/lora.js'
import { recordUNet, traceUNet, type LatentBatch } from './denoiser.js'
import { common, count, folder, latentBatch, network, noiseAugmentation, optimizer, positive } from './fields.js'
import { type Feeds, type RecipeSchema, type StepGraph, type Surroundings } from './objective.js'

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
export const distillationFields = {
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

/** Guidance of the teacher where it makes the targets. */
export const guidance = z
  .tuple([z.number(), z.number()])
  .default([1, 3])
  .describe("The teacher's guidance: at the first frame and at the last, on a line between (SVD: 1 to 3).")

/** The recipe of any distillation. */
export type DistillationRecipe = z.output<z.ZodObject<typeof distillationFields>>

/** What is particular to a distillation: its recipe, its loss and its rule of drawing. */
export interface Distillation<R extends DistillationRecipe> {
  readonly recipe: RecipeSchema<R>
  /** Whether the teacher's own samples stand for real clips. */
  readonly fromTeacher?: boolean
  /** The graph of a step, which trains `student.trained`. */
  graph(recipe: R, student: StudentGraph, batch: LatentBatch): StepGraph
  /** Draws what a step needs besides clips and conditions: for each sample noise levels and noise of `size` values. */
  rule(recipe: R): (random: readonly Random[], size: number) => Feeds
}

/** The networks of a distillation as graphs know them. */
export interface StudentGraph {
  readonly config: UNetConfig
  /** The student: all of its weights, or a LoRA on the teacher's. */
  readonly weights: Weights
  /** What is trained: the student's parameters, or those of the LoRA. */
  readonly trained: ParameterSet
  /** The teacher's parameters, all recorded. */
  readonly teacher: ParameterSet
  /** The student out of another set of trained parameters, such as their average. */
  with(trained: ParameterSet): Weights
}

/**
 * Records student and teacher of a UNet's config.json.
 *
 * @throws UserError when a target of the LoRA is no module of it.
 */
export function studentGraph(
  { json, file }: Pick<Surroundings, 'json' | 'file'>,
  lora: DistillationRecipe['lora'],
): StudentGraph {
  const { config, set: teacher } = traceUNet(new ParameterSet('teacher/'), json, file)
  const trained = new ParameterSet('student/')
  const withSet = (set: ParameterSet) => (lora ? loraWeights(teacher, set, lora) : set)
  const weights = withSet(trained)
  recordUNet(weights, config)
  const [missing] = lora ? missingTargets(trained, lora.targets) : []
  if (missing !== undefined)
    throw new UserError(`recipe field lora.targets: ${file} has no module ${missing}; name one that it has`)
  return { config, weights, trained, teacher, with: withSet }
}
