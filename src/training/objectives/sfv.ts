import { z } from 'zod'
import { discriminatorNoise, drawSigma } from '../../diffusion/index.js'
import { add, mul } from '../../graph/ops/index.js'
import {
  adversarial,
  adversarialFields,
  contest,
  headsLoss,
  x0Error,
  type AdversarialLosses,
  type AdversarialNetworks,
  type PenaltyOptions,
} from './adversarial.js'
import { pseudoHuber, type LatentBatch } from './denoiser.js'
import { meanLogit } from './discriminator.js'
import { count } from './fields.js'

/** Distils the teacher into a generator of one forward pass (PAPER section 2). */
const recipe = z.strictObject({
  objective: z.literal('sfv').describe("SF-V: adversarial distillation against heads on the teacher's frozen encoder."),
  ...adversarialFields,
  pMean: z.number().default(-1).describe("Mean of ln sigma' in the discriminator's discretised lognormal (SF-V: -1)."),
  pStd: z.number().default(-1).describe("Deviation of ln sigma'; its sign cancels (SF-V: -1)."),
  discriminatorLevels: count.min(2).default(1000).describe('Noise levels of the discriminator (SF-V: T_d = 1000).'),
  lambda: z.number().nonnegative().default(0.1).describe('Weight of the pseudo-Huber reconstruction (SF-V: 0.1).'),
})

/** Weights of the terms. */
export interface AdversarialOptions extends PenaltyOptions {
  /** lambda, of the reconstruction (PAPER: 0.1). */
  readonly lambda: number
}

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

/** SF-V: s' by the discretised lognormal (PAPER eq. 7), whatever the generator's level. */
export const sfv = adversarial<z.output<typeof recipe>>({
  recipe,
  losses: adversarialLosses,
  sigmaD({ pMean, pStd, discriminatorLevels }) {
    const law = discriminatorNoise({ pMean, pStd, count: discriminatorLevels })
    return (random) => drawSigma(law, random.uniform())
  },
})
