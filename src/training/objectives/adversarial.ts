import { add, addAll, div, input, maximum, mean, mul, sqrt, square, sub, sum } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { discriminatorHeads, type HeadsConfig } from '../../models/discriminator/heads.js'
import { type UNetConfig } from '../../models/unet/index.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'
import { conditionInputs, denoise, features, type ConditionGraph, type LatentBatch } from './denoiser.js'
import { diffuse, preconditioning } from './edm.js'

/** The networks of SF-V: the generator and the heads are trained, the backbone is frozen. */
export interface AdversarialNetworks {
  readonly config: UNetConfig
  readonly generator: Weights
  /** The teacher; its encoder half is the discriminator's backbone. */
  readonly backbone: Weights
  readonly heads: Weights
  readonly headsConfig: HeadsConfig
}

/** mean_x PseudoHuber(a, b) = sqrt(|a - b|^2 + c^2) - c over samples (b, ...), c = 0.00054 sqrt(dim) (PAPER eq. 9). */
export function pseudoHuber(a: Tensor, b: Tensor): Tensor {
  const samples = a.shape[0]!
  const c = 0.00054 * Math.sqrt(a.size / samples)
  const q = sum(square(sub(a, b)), { axes: a.shape.flatMap((_, axis) => (axis === 0 ? [] : [axis])) })
  // q/(sqrt(q + c^2) + c): the difference of the definition cancels in float32 when a is near b.
  return mean(div(q, add(sqrt(add(q, c * c)), c)))
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

/** D(x): `latents` (b, f, c, h, w) diffused to s' = `sigmaD` with `noiseD`, through the backbone and every head. */
function discriminate(
  networks: AdversarialNetworks,
  latents: Tensor,
  noise: Tensor,
  sigma: Tensor,
  condition: ConditionGraph,
): Tensor[] {
  const noisy = diffuse(latents, noise, sigma)
  const { blocks, conditioning } = features(networks.backbone, networks.config, noisy, sigma, condition)
  const { cNoise } = preconditioning(sigma)
  const headCondition = { frames: conditioning.frames, context: condition.context, noise: cNoise }
  return discriminatorHeads(networks.heads, blocks, networks.headsConfig, headCondition)
}

function latentShape({ config }: AdversarialNetworks, { videos, frames, height, width }: LatentBatch): number[] {
  return [videos, frames, config.outChannels, height, width]
}

/**
 * L_G = E[D(x0_hat)] + lambda PseudoHuber(x0_hat, x_0), x0_hat = c_skip x_t + c_out G(c_in x_t; c_noise, c), by the generator's
 * weights (PAPER eq. 6 to 9). Inputs: `latents`, `noise`, `sigma` (b) out of the generator's noise levels; `noiseD`, `sigmaD`
 * for the discriminator; the conditions. Outputs `fake`, x0_hat, for the discriminator's step.
 */
export function generatorLoss(networks: AdversarialNetworks, batch: LatentBatch, lambda: number): LossGraph {
  const shape = latentShape(networks, batch)
  const condition = conditionInputs(networks.config, batch)
  const latents = input('latents', shape)
  const sigma = input('sigma', [batch.videos])
  const noisy = diffuse(latents, input('noise', shape), sigma)
  const fake = denoise(networks.generator, networks.config, noisy, sigma, condition)
  const logits = discriminate(networks, fake, input('noiseD', shape), input('sigmaD', [batch.videos]), condition)
  const adversarial = meanLogit(logits)
  const reconstruction = pseudoHuber(fake, latents)
  return {
    loss: add(adversarial, mul(reconstruction, lambda)),
    metrics: { adversarial, reconstruction, x0Error: mean(square(sub(fake, latents))) },
    outputs: { fake },
  }
}

/**
 * L_D = E[max(0, 1 + D(x_0))] + E[max(0, 1 - D(x0_hat))] by the heads' weights (PAPER eq. 11). Inputs: `latents`,
 * `fake`, and for each its own `noiseReal`, `noiseFake`, with the shared `sigmaD`; the conditions.
 */
export function discriminatorLoss(networks: AdversarialNetworks, batch: LatentBatch): LossGraph {
  const shape = latentShape(networks, batch)
  const condition = conditionInputs(networks.config, batch)
  const sigma = input('sigmaD', [batch.videos])
  const judge = (latents: string, noise: string) =>
    discriminate(networks, input(latents, shape), input(noise, shape), sigma, condition)
  const real = judge('latents', 'noiseReal')
  const fake = judge('fake', 'noiseFake')
  const [realLoss, fakeLoss] = [hingeReal(real), hingeFake(fake)]
  return {
    loss: add(realLoss, fakeLoss),
    metrics: { realLoss, fakeLoss, realLogit: meanLogit(real), fakeLogit: meanLogit(fake) },
  }
}
