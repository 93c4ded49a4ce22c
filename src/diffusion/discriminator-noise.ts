import { erfDifference } from './erf.js'
import { SVD_SIGMAS, sfvSigmas, type SigmaRange } from './schedule.js'

/** The noise levels that real and generated latents are diffused to before the discriminator sees them. */
export interface DiscriminatorNoise {
  /** (count - 1), rising: s'_t, t = 1 .. count - 1. */
  readonly sigmas: Float64Array
  /** (count - 1): the probability of each, of sum 1. */
  readonly probabilities: Float64Array
}

/** The law of the discriminator's noise levels. */
export interface DiscriminatorNoiseOptions {
  /** The mean of ln s' before it is cut into levels. */
  readonly pMean: number
  /** Its deviation; the sign cancels in the normalisation, as the paper's -1 needs. */
  readonly pStd: number
  /** T_d, the number of levels with sigmaMin; 1000 unless told. */
  readonly count?: number
  readonly range?: SigmaRange
}

/** The law of SF-V's best result (PAPER section 2 and its table 3). */
export const SFV_DISCRIMINATOR_NOISE: DiscriminatorNoiseOptions = { pMean: -1, pStd: -1 }

/**
 * The discretised lognormal of PAPER section 2:
 * p(s'_t) ~ erf((ln s'_t - pMean)/(sqrt2 pStd)) - erf((ln s'_{t-1} - pMean)/(sqrt2 pStd)).
 */
export function discriminatorNoise(options: DiscriminatorNoiseOptions): DiscriminatorNoise {
  const { pMean, pStd, count = 1000, range = SVD_SIGMAS } = options
  if (pStd === 0) throw new RangeError('a discriminator noise law of pStd 0')
  const sigmas = sfvSigmas(count, range)
  const scaled = sigmas.map((sigma) => (Math.log(sigma) - pMean) / (Math.SQRT2 * Math.abs(pStd)))
  const masses = scaled.subarray(1).map((upper, i) => erfDifference(scaled[i]!, upper))
  const total = masses.reduce((sum, mass) => sum + mass, 0)
  return { sigmas: sigmas.subarray(1), probabilities: masses.map((mass) => mass / total) }
}

/**
 * Draws a noise level.
 *
 * @param uniform a random number in [0, 1)
 */
export function drawSigma({ sigmas, probabilities }: DiscriminatorNoise, uniform: number): number {
  let left = uniform
  let drawn = 0
  for (let t = 0; t < sigmas.length; t++) {
    const probability = probabilities[t]!
    // Levels of no probability are passed over, also where rounding leaves something over at the end.
    if (probability > 0) drawn = t
    if (left < probability) break
    left -= probability
  }
  return sigmas[drawn]!
}
