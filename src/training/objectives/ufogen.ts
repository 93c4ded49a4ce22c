import { z } from 'zod'
import { SVD_SIGMAS } from '../../diffusion/index.js'
import { add, mul } from '../../graph/ops/index.js'
import {
  adversarial,
  adversarialFields,
  contest,
  headsLoss,
  x0Error,
  type AdversarialLosses,
  type AdversarialNetworks,
} from './adversarial.js'
import { type LatentBatch } from './denoiser.js'
import { meanLogit } from './discriminator.js'
import { type AdversarialOptions } from './sfv.js'

/** UFOGen with SF-V's discriminator (PAPER section 4). */
const recipe = z.strictObject({
  objective: z
    .literal('ufogen')
    .describe('UFOGen: a diffusion GAN, judged one noise level below, with reconstruction.'),
  ...adversarialFields,
  lambda: z.number().nonnegative().default(1).describe('Weight of the squared error of x_0.'),
})

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

/** UFOGen: s' is the generator's next lower level. */
export const ufogen = adversarial<z.output<typeof recipe>>({
  recipe,
  losses: ufogenLosses,
  sigmaD: () => (_, t, levels) => levels[t - 1] ?? SVD_SIGMAS.sigmaMin,
})
