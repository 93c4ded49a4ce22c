import { add, mul } from '../../graph/ops/index.js'
import {
  contest,
  headsLoss,
  x0Error,
  type AdversarialLosses,
  type AdversarialNetworks,
  type AdversarialOptions,
} from './adversarial.js'
import { type LatentBatch } from './denoiser.js'
import { meanLogit } from './discriminator.js'

/**
 * UFOGen (Xu et al. 2023, eq. 5) in SF-V's frame, with SF-V's discriminator (PAPER section 4): a diffusion GAN. The
 * generator predicts x_0 from x_t; real and fake are diffused to the level below, s' = s_{t-1}, and judged there:
 *
 *     L_G = E[D(x0_hat + s_{t-1} e')] + lambda E[(x0_hat - x_0)^2]
 *     L_D as SF-V's (eq. 11), at s' = s_{t-1}
 *
 * The reconstruction's weight does not depend on t: UFOGen's, from the divergence between q(x_t | x_{t-1}) of the two,
 * would be 1/s_{t-1}^2, which spans eleven orders of magnitude over SVD's levels. Inputs as `contest`'s.
 */
export function ufogenLosses(
  networks: AdversarialNetworks,
  batch: LatentBatch,
  { lambda, ...penalty }: AdversarialOptions,
): AdversarialLosses {
  const played = contest(networks, batch)
  const reconstruction = x0Error(played)
  return {
    generator: {
      loss: add(meanLogit(played.onFake.logits), mul(reconstruction, lambda)),
      metrics: { x0Error: reconstruction },
    },
    heads: headsLoss(played, penalty),
  }
}
