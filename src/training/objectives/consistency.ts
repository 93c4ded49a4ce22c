import { z } from 'zod'
import { add, div, input, mean, mul, neg, pow, reshape, sqrt, square, sub } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { sfvSigmas, SVD_SIGMAS } from '../../diffusion/index.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { ParameterSet, type Weights } from '../../nn/weights.js'
import { normals } from '../batches/batch-random.js'
import { type LossGraph } from '../trainer/gradient-program.js'
import {
  conditionInputs,
  diffuse,
  guidedDenoise,
  predict,
  pseudoHuber,
  type ConditionGraph,
  type GuidanceEnds,
  type LatentBatch,
} from './denoiser.js'
import { distillationFields, guidance, type Distillation } from './distillation.js'
import { count } from './fields.js'

/** Consistency distillation as in AnimateLCM (PAPER section 4). */
const recipe = z.strictObject({
  objective: z
    .literal('consistency')
    .describe("Consistency distillation: the student's average, one guided teacher step on, is the target."),
  ...distillationFields,
  levels: count.min(2).default(25).describe('Noise levels between which the teacher steps.'),
  guidance,
})

/** The networks of consistency distillation: the student is trained, its average and the teacher are given. */
export interface ConsistencyNetworks {
  readonly config: UNetConfig
  readonly student: Weights
  /** The exponential moving average of the student's weights. */
  readonly average: Weights
  readonly teacher: Weights
}

/**
 * The consistency function f(x; s, c) = c_skip x + c_out F(c_in x; c_noise, c), whose c_skip = 1/((s - smin)^2 + 1) and
 * c_out = -(s - smin)/sqrt(s^2 + 1) make f(x; smin) = x (Song et al. 2023, eq. 5; sigma_data = 1, SVD's sign).
 */
export function consistencyFunction(
  w: Weights,
  config: UNetConfig,
  x: Tensor,
  sigma: Tensor,
  condition: ConditionGraph,
): Tensor {
  const s = reshape(sigma, [-1, 1, 1, 1, 1])
  const above = sub(s, SVD_SIGMAS.sigmaMin)
  const cSkip = pow(add(square(above), 1), -1)
  const cOut = neg(div(above, sqrt(add(square(s), 1))))
  return add(mul(x, cSkip), mul(predict(w, config, x, sigma, condition), cOut))
}

/**
 * One Euler step of the teacher's ODE with guidance, from s_{n+1} to s_n (PAPER eq. 4), as D + (s_n/s_{n+1}) (x - D):
 * the same number as x + (s_n - s_{n+1}) (x - D)/s_{n+1}, without its cancellation at large sigma.
 */
export function teacherStep(
  { teacher, config }: Pick<ConsistencyNetworks, 'teacher' | 'config'>,
  x: Tensor,
  sigma: Tensor,
  sigmaNext: Tensor,
  condition: ConditionGraph,
  guidance: GuidanceEnds,
): Tensor {
  const denoised = guidedDenoise(teacher, config, x, sigma, condition, guidance)
  const share = reshape(div(sigmaNext, sigma), [-1, 1, 1, 1, 1])
  return add(denoised, mul(sub(x, denoised), share))
}

/**
 * Consistency distillation as AnimateLCM has it (PAPER section 4): the student at s_{n+1} is to give what its average
 * gives at s_n, where the teacher's guided ODE step has brought the latents,
 *
 *     L = PseudoHuber(f(x_{n+1}; s_{n+1}), f_ema(x_n; s_n)),   x_{n+1} = x_0 + s_{n+1} e
 *
 * by the student's weights. Graph inputs: `latents`, `noise` (b, f, c, h, w); `sigma` s_{n+1} and `sigmaNext` s_n (b);
 * the conditions.
 */
export function consistencyLoss(networks: ConsistencyNetworks, batch: LatentBatch, guidance: GuidanceEnds): LossGraph {
  const { config, student, average } = networks
  const shape = [batch.videos, batch.frames, config.outChannels, batch.height, batch.width]
  const condition = conditionInputs(config, batch)
  const latents = input('latents', shape)
  const [sigma, sigmaNext] = [input('sigma', [batch.videos]), input('sigmaNext', [batch.videos])]
  const x = diffuse(latents, input('noise', shape), sigma)

  const moved = teacherStep(networks, x, sigma, sigmaNext, condition, guidance)
  const target = consistencyFunction(average, config, moved, sigmaNext, condition)
  const output = consistencyFunction(student, config, x, sigma, condition)
  return {
    loss: pseudoHuber(output, target),
    metrics: { x0Error: mean(square(sub(output, latents))), targetError: mean(square(sub(output, target))) },
  }
}

/** Consistency distillation: the student is to give at every noise level what its average gives at the one below. */
export const consistency: Distillation<z.output<typeof recipe>> = {
  recipe,
  graph(recipe, student, batch) {
    const { config, weights, trained, teacher } = student
    const average = new ParameterSet('average/')
    const networks = { config, student: weights, average: student.with(average), teacher }
    const loss = consistencyLoss(networks, batch, recipe.guidance)
    return {
      trained: [{ name: 'student', set: trained, loss, optimizer: recipe.optimizer, average }],
      frozen: [teacher],
    }
  },
  rule(recipe) {
    const levels = sfvSigmas(recipe.levels)
    return (random, size) => {
      const n = random.map((sample) => sample.integer(levels.length - 1))
      return {
        sigma: Float32Array.from(n, (level) => levels[level + 1]!),
        sigmaNext: Float32Array.from(n, (level) => levels[level]!),
        noise: normals(random, size),
      }
    }
  },
}
