import { add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
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
  type PenaltyPlace,
} from './discriminator.js'
import { diffuse } from './edm.js'
import { pseudoHuber } from './pseudo-huber.js'

/** The networks of SF-V: generator and heads are trained, the backbone is frozen. */
export interface AdversarialNetworks extends DiscriminatorNetworks {
  readonly generator: Weights
}

/** Weights of SF-V's terms. */
export interface AdversarialOptions {
  /** lambda, of the pseudo-Huber reconstruction (PAPER: 0.1). */
  readonly lambda: number
  /** gamma, of the gradient penalty R1 (the paper gives no number). At 0 it is not computed. */
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

/**
 * Latent adversarial training, SF-V's objective (PAPER section 2):
 *
 *     x_t = x_0 + s_t e                                                              (eq. 2)
 *     x0_hat = c_skip x_t + c_out G(c_in x_t; c_noise, c)                            (eq. 6)
 *     L_G = E[D(x0_hat + s' e')] + lambda PseudoHuber(x0_hat, x_0)                   (eq. 8 to 10)
 *     L_D = E[max(0, 1 + D(x_0 + s' e''))] + gamma R1 + E[max(0, 1 - D(x0_hat + s' e'))]   (eq. 11)
 *
 * Graph inputs: `latents` x_0 (b, f, c, h, w); `noise` e and `sigma` s_t (b) out of the generator's levels; `sigmaD` s' (b)
 * by the discretised lognormal (eq. 7), `noiseFake` e', `noiseReal` e''; `imageLatents`, `context`, `addedTimeIds`. Both
 * losses look at the same fake under the same noise: the backbone sees it once.
 */
export function adversarialLosses(
  networks: AdversarialNetworks,
  batch: LatentBatch,
  { lambda, gamma, penaltyPlace }: AdversarialOptions,
): AdversarialLosses {
  const { config, generator } = networks
  const shape = [batch.videos, batch.frames, config.outChannels, batch.height, batch.width]
  const condition = conditionInputs(config, batch)
  const sigmaD = input('sigmaD', [batch.videos])

  const latents = input('latents', shape)
  const sigma = input('sigma', [batch.videos])
  const fake = denoise(generator, config, diffuse(latents, input('noise', shape), sigma), sigma, condition)

  const onFake = judge(networks, fake, input('noiseFake', shape), sigmaD, condition)
  const onReal = judge(networks, latents, input('noiseReal', shape), sigmaD, condition)

  const fakeLogit = meanLogit(onFake.logits)
  const reconstruction = pseudoHuber(fake, latents)
  const realLoss = hingeReal(onReal.logits)
  const fakeLoss = hingeFake(onFake.logits)
  const r1 = gamma === 0 ? undefined : gradientPenalty(onReal, penaltyPlace)
  const hinges = add(realLoss, fakeLoss)
  return {
    generator: {
      loss: add(fakeLogit, mul(reconstruction, lambda)),
      metrics: { reconstruction, x0Error: mean(square(sub(fake, latents))) },
      outputs: { fake },
    },
    heads: {
      loss: r1 ? add(hinges, mul(r1, gamma)) : hinges,
      lossName: 'headsLoss',
      metrics: {
        realLoss,
        fakeLoss,
        ...(r1 && { r1 }),
        realLogit: meanLogit(onReal.logits),
        fakeLogit,
      },
    },
  }
}
