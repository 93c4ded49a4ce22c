import {
  contest,
  headsLoss,
  x0Error,
  type AdversarialLosses,
  type AdversarialNetworks,
  type PenaltyOptions,
} from './adversarial.js'
import { type LatentBatch } from './denoiser.js'
import { meanLogit } from './discriminator.js'

/**
 * Latent adversarial diffusion distillation (Sauer et al. 2024) in SF-V's frame, with SF-V's discriminator (PAPER
 * section 4): `latents` x_0 are samples of the teacher, with guidance; s' is lognormal, which is a logit-normal time t
 * of the rectified flow x_t = (1 - t) x_0 + t e, as s' = t/(1 - t); and nothing asks for x_0 back:
 *
 *     L_G = E[D(x0_hat + s' e')]
 *     L_D as SF-V's (eq. 11)
 *
 * Inputs as `contest`'s.
 */
export function laddLosses(
  networks: AdversarialNetworks,
  batch: LatentBatch,
  penalty: PenaltyOptions,
): AdversarialLosses {
  const played = contest(networks, batch)
  return {
    generator: { loss: meanLogit(played.onFake.logits), metrics: { x0Error: x0Error(played) } },
    heads: headsLoss(played, penalty),
  }
}
