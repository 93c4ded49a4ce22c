import { z } from 'zod'
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
import { type LatentBatch } from './denoiser.js'
import { meanLogit } from './discriminator.js'
import { guidance } from './distillation.js'
import { count, positive } from './fields.js'

/** LADD with SF-V's discriminator (PAPER section 4). */
const recipe = z.strictObject({
  objective: z.literal('ladd').describe("LADD: adversarial on the teacher's samples, without reconstruction."),
  ...adversarialFields,
  pMean: z.number().default(1).describe("Mean of ln sigma', which is the mean of logit t (LADD: 1)."),
  pStd: positive.default(1).describe("Deviation of ln sigma', which is that of logit t (LADD: 1)."),
  guidance,
  teacherSteps: count.default(8).describe("Euler steps of each of the teacher's samples."),
  teacherSamples: count.default(256).describe('Samples of the teacher in the pool, each made when first drawn.'),
})

/** A recipe of LADD. */
export type LaddRecipe = z.output<typeof recipe>

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

/** LADD: the teacher's samples are the real data; s' is lognormal, which is a logit-normal time. */
export const ladd = adversarial<LaddRecipe>({
  recipe,
  fromTeacher: true,
  losses: laddLosses,
  sigmaD:
    ({ pMean, pStd }) =>
    (random) =>
      Math.exp(pMean + pStd * random.normals(1)[0]!),
})
