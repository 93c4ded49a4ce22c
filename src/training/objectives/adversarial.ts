import { add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'
import { conditionInputs, denoise, type LatentBatch } from './denoiser.js'
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
import { diffuse } from './edm.js'
import { pseudoHuber } from './pseudo-huber.js'

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

/** Weights of the terms. */
export interface AdversarialOptions extends PenaltyOptions {
  /** lambda, of the reconstruction (PAPER: 0.1). */
  readonly lambda: number
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

/**
 * Latent adversarial training, SF-V's objective (PAPER section 2): s_t out of the generator's few levels, s' by the
 * discretised lognormal (eq. 7),
 *
 *     L_G = E[D(x0_hat + s' e')] + lambda PseudoHuber(x0_hat, x_0)                              (eq. 9, 10)
 *     L_D = E[max(0, 1 + D(x_0 + s' e''))] + gamma R1 + E[max(0, 1 - D(x0_hat + s' e'))]        (eq. 11)
 */
export function adversarialLosses(
  networks: AdversarialNetworks,
  batch: LatentBatch,
  { lambda, ...penalty }: AdversarialOptions,
): AdversarialLosses {
  const played = contest(networks, batch)
  const { fake, latents, onFake } = played
  const reconstruction = pseudoHuber(fake, latents)
  return {
    generator: {
      loss: add(meanLogit(onFake.logits), mul(reconstruction, lambda)),
      metrics: { reconstruction, x0Error: x0Error(played) },
    },
    heads: headsLoss(played, penalty),
  }
}
