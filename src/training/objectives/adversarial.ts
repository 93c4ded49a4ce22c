import { z } from 'zod'
import { generatorSigmas } from '../../diffusion/index.js'
import { add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { type Random } from '../../runtime/random.js'
import { normals } from '../batches/batch-random.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import { conditionInputs, denoise, diffuse, type LatentBatch } from './denoiser.js'
import {
  gradientPenalty,
  hingeFake,
  hingeReal,
  judge,
  meanLogit,
  type DiscriminatorNetworks,
  type Judgement,
  type PenaltyPlace,
} from './discriminator.js'
import { distillationFields, type Distillation } from './distillation.js'
import { count, optimizer } from './fields.js'
import { type RecipeSchema } from './objective.js'

/** What objectives with SF-V's discriminator have in common. */
export const adversarialFields = {
  ...distillationFields,
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

/** The recipe of any objective with SF-V's discriminator. */
export type AdversarialRecipe = z.output<z.ZodObject<typeof adversarialFields>>

/** The networks of SF-V: generator and heads are trained, the backbone is frozen. */
export interface AdversarialNetworks extends DiscriminatorNetworks {
  readonly generator: Weights
}

/** The gradient penalty R1. */
export interface PenaltyOptions {
  /** gamma, its weight (the paper gives no number). At 0 it is not computed. */
  readonly gamma: number
  readonly penaltyPlace: PenaltyPlace
}

/** The two losses of an adversarial step, over one forward pass. */
export interface AdversarialLosses {
  /** By the generator's weights. */
  readonly generator: LossGraph
  /** By the heads' weights. */
  readonly heads: LossGraph
}

/** A generated batch beside the real one, and what the discriminator makes of both. */
export interface Contest {
  /** x_0 (b, f, c, h, w). */
  readonly latents: Tensor
  /** x0_hat, of the same shape. */
  readonly fake: Tensor
  readonly onReal: Judgement
  readonly onFake: Judgement
}

/**
 * One forward pass of generator and discriminator (PAPER section 2):
 *
 *     x_t = x_0 + s_t e                                      (eq. 2)
 *     x0_hat = c_skip x_t + c_out G(c_in x_t; c_noise, c)    (eq. 6)
 *     D(x0_hat + s' e'), D(x_0 + s' e'')                     (eq. 8)
 *
 * Graph inputs: `latents` x_0, `noise` e, `sigma` s_t (b), `sigmaD` s' (b), `noiseFake` e', `noiseReal` e'' and the
 * conditions. Generator and heads learn by the same fake under the same noise: the backbone sees it once.
 */
export function contest(networks: AdversarialNetworks, batch: LatentBatch): Contest {
  const { config, generator } = networks
  const shape = [batch.videos, batch.frames, config.outChannels, batch.height, batch.width]
  const condition = conditionInputs(config, batch)
  const sigmaD = input('sigmaD', [batch.videos])

  const latents = input('latents', shape)
  const sigma = input('sigma', [batch.videos])
  const noisy = diffuse(latents, input('noise', shape), sigma)
  const fake = denoise(generator, config, noisy, sigma, condition)

  const onFake = judge(networks, fake, input('noiseFake', shape), sigmaD, condition)
  const onReal = judge(networks, latents, input('noiseReal', shape), sigmaD, condition)
  return { latents, fake, onReal, onFake }
}

/** L_D = E[max(0, 1 + D(real))] + gamma R1 + E[max(0, 1 - D(fake))] (PAPER eq. 11). */
export function headsLoss({ onReal, onFake }: Contest, { gamma, penaltyPlace }: PenaltyOptions): LossGraph {
  const realLoss = hingeReal(onReal.logits)
  const fakeLoss = hingeFake(onFake.logits)
  const hinges = add(realLoss, fakeLoss)
  const logits = { realLogit: meanLogit(onReal.logits), fakeLogit: meanLogit(onFake.logits) }
  const metrics = { realLoss, fakeLoss, ...logits }
  if (gamma === 0) return { loss: hinges, lossName: 'headsLoss', metrics }
  const r1 = gradientPenalty(onReal, penaltyPlace)
  return { loss: add(hinges, mul(r1, gamma)), lossName: 'headsLoss', metrics: { ...metrics, r1 } }
}

/** E[(x0_hat - x_0)^2], worth a look whatever the objective. */
export const x0Error = ({ fake, latents }: Contest): Tensor => mean(square(sub(fake, latents)))

/** What is particular to an objective with SF-V's discriminator. */
export interface AdversarialObjective<R extends AdversarialRecipe> extends Pick<Distillation<R>, 'fromTeacher'> {
  readonly recipe: RecipeSchema<R>
  losses(networks: AdversarialNetworks, batch: LatentBatch, recipe: R): AdversarialLosses
  /**
   * The law of s', the level that the discriminator sees; the generator's is `levels[t]` (rising, without sigmaMin).
   */
  sigmaD(recipe: R): (random: Random, t: number, levels: Float64Array) => number
}

/** Fine-tunes the teacher into a one-step generator against heads on its own frozen encoder. */
export function adversarial<R extends AdversarialRecipe>(objective: AdversarialObjective<R>): Distillation<R> {
  const { recipe, fromTeacher = false } = objective
  return {
    recipe,
    fromTeacher,
    graph(recipe, { config, weights, trained, teacher }, batch) {
      const heads = new ParameterSet('heads/')
      const headsConfig = { heads: recipe.heads, width: recipe.headWidth, projection: recipe.headProjection }
      // Of a teacher that is neither adapted nor sampled, only what the backbone is made of is held.
      const backbone = recipe.lora || fromTeacher ? teacher : new ParameterSet(teacher.prefix)
      const made = objective.losses({ config, generator: weights, backbone, heads, headsConfig }, batch, recipe)
      return {
        trained: [
          { name: 'generator', set: trained, loss: made.generator, optimizer: recipe.optimizer },
          { name: 'heads', set: heads, loss: made.heads, optimizer: recipe.headsOptimizer },
        ],
        frozen: [backbone],
      }
    },
    rule(recipe) {
      const levels = generatorSigmas(recipe.generatorLevels)
      const drawSigmaD = objective.sigmaD(recipe)
      return (random, size) => {
        const t = random.map((sample) => sample.integer(levels.length))
        return {
          sigma: Float32Array.from(t, (level) => levels[level]!),
          sigmaD: Float32Array.from(t, (level, i) => drawSigmaD(random[i]!, level, levels)),
          noise: normals(random, size),
          noiseFake: normals(random, size),
          noiseReal: normals(random, size),
        }
      }
    },
  }
}
