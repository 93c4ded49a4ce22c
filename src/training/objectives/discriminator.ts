import { gradients } from '../../graph/gradients.js'
import { add, addAll, div, maximum, mean, mul, square, sub, sum } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { discriminatorHeads, type HeadsConfig } from '../../models/discriminator/heads.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type Weights } from '../../nn/weights.js'
import { diffuse, features, preconditioning, type ConditionGraph } from './denoiser.js'

/**
 * SF-V's discriminator: the encoder half of the teacher, frozen, and the heads, which are trained (PAPER section 2).
 */
export interface DiscriminatorNetworks {
  readonly config: UNetConfig
  /** The teacher; its encoder half is the backbone. */
  readonly backbone: Weights
  readonly heads: Weights
  readonly headsConfig: HeadsConfig
}

/** What the discriminator makes of latents. */
export interface Judgement {
  /** Of every head: (b f, h, w) or (b h w, f). */
  readonly logits: readonly Tensor[]
  /** The input of each head: a block's features, (b f, c, h, w). */
  readonly features: readonly Tensor[]
  /** The diffused latents (b, f, c, h, w); the backbone is given c_in times these. */
  readonly noisy: Tensor
  /** s', the level they are diffused to, (b). */
  readonly sigma: Tensor
}

/**
 * D(c_in(s') (x + s' e); c_noise(s'), c): latents (b, f, c, h, w) diffused to s', through the backbone and every head.
 */
export function judge(
  { backbone, config, heads, headsConfig }: DiscriminatorNetworks,
  latents: Tensor,
  noise: Tensor,
  sigma: Tensor,
  condition: ConditionGraph,
): Judgement {
  const noisy = diffuse(latents, noise, sigma)
  const { blocks, conditioning } = features(backbone, config, noisy, sigma, condition)
  const headCondition = {
    frames: conditioning.frames,
    context: condition.context,
    noise: preconditioning(sigma).cNoise,
  }
  const logits = discriminatorHeads(heads, blocks, headsConfig, headCondition)
  const headsPerBlock = logits.length / blocks.length
  return { logits, features: logits.map((_, head) => blocks[Math.floor(head / headsPerBlock)]!), noisy, sigma }
}

/** E[D] over the logits of all heads: positions averaged within a head, heads among themselves. */
export function meanLogit(logits: readonly Tensor[]): Tensor {
  return mul(addAll(logits.map((head) => mean(head))), 1 / logits.length)
}

/** E[max(0, 1 + D(real))]: D is driven to -1 on real latents (PAPER eq. 11, the paper's signs). */
export function hingeReal(logits: readonly Tensor[]): Tensor {
  return meanLogit(logits.map((head) => maximum(add(head, 1), 0)))
}

/** E[max(0, 1 - D(fake))]: D is driven to +1 on generated latents (PAPER eq. 11). */
export function hingeFake(logits: readonly Tensor[]): Tensor {
  return meanLogit(logits.map((head) => maximum(sub(1, head), 0)))
}

/** Where the gradient penalty is taken: on the input of each head (as ADD has it), or on the discriminator's input. */
export type PenaltyPlace = 'heads' | 'input'

/**
 * R1 = E |grad D(real)|^2 (Mescheder et al. 2018; PAPER eq. 11), in either place:
 *
 * - `heads`: by the features F_k that head k is given, D_k its logits; the mean over heads. What is differentiated
 *   twice is the heads alone.
 * - `input`: by c_in (x_0 + s' e), D the mean over heads; through the backbone and back.
 *
 * D is a mean over N positions, so that its gradient falls with their number: the square is multiplied by N, which is
 * the mean square of what the sum of the logits changes by, per position. So gamma means the same at every size.
 */
export function gradientPenalty({ logits, features, noisy, sigma }: Judgement, place: PenaltyPlace): Tensor {
  if (place === 'input') {
    const [videos, frames, , height, width] = noisy.shape as [number, number, number, number, number]
    const positions = frames * height * width
    const [byNoisy] = gradients(mul(meanLogit(logits), videos), [noisy])
    return mul(sum(square(div(byNoisy!, preconditioning(sigma).cIn))), positions / videos)
  }
  const penalties = logits.map((head, k) => {
    const [byFeatures] = gradients(sum(head), [features[k]!])
    return mul(sum(square(byFeatures!)), 1 / head.size)
  })
  return mul(addAll(penalties), 1 / penalties.length)
}
