import { describe, expect, it } from 'vitest'
import {
  type DiscriminatorNoise,
  discriminatorNoise,
  drawSigma,
  SFV_DISCRIMINATOR_NOISE,
} from '../../src/diffusion/discriminator-noise.js'
import { erf, erfDifference } from '../../src/diffusion/erf.js'
import { Random } from '../../src/runtime/random.js'
import { readJson, relativeError } from '../support/fixture.js'

interface Law {
  P_mean: number
  P_std: number
  p: number[]
  argmax_t: number
  expected_log_sigma: number
}

const { discriminator } = readJson<{ discriminator: Law[] }>('sfv-noise/config.json.gz')

describe('erf', () => {
  // By the series in 120 decimal digits.
  it.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.99, 0.995111413199617],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [6, 1],
  ])('of %d', (x, value) => {
    expect(erf(x)).toBeCloseTo(value, 14)
    expect(erf(-x) + value).toBeCloseTo(0, 14)
  })

  it('joins its two expansions without a step', () => {
    const h = 2 ** -30
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-4)
    expect(Math.abs(erf(2) - erf(2 - h) - slope * h)).toBeLessThan(5e-16)
  })

  it('keeps the digits of differences in both tails', () => {
    // By the same series; erf itself rounds to 1 here.
    expect(Math.abs(erfDifference(5, 6) / 1.5374382746913223e-12 - 1)).toBeLessThan(1e-13)
    expect(erfDifference(-6, -5)).toBe(erfDifference(5, 6))
    expect(Math.abs(erfDifference(9, 10) / 4.137031725628934e-37 - 1)).toBeLessThan(1e-13)
  })
})

describe('discriminatorNoise', () => {
  it.each(discriminator)('is that of the reference for P_mean $P_mean, P_std $P_std', (law) => {
    const { sigmas, probabilities } = discriminatorNoise({ pMean: law.P_mean, pStd: law.P_std })
    expect(relativeError(probabilities, law.p)).toBeLessThan(1e-12)
    expect(probabilities.indexOf(Math.max(...probabilities)) + 1).toBe(law.argmax_t)
    const meanLog = probabilities.reduce((sum, p, i) => sum + p * Math.log(sigmas[i]!), 0)
    expect(Math.abs(meanLog - law.expected_log_sigma)).toBeLessThan(1e-9)
  })

  it('has a positive probability at every level, and the same for either sign of pStd', () => {
    const paper = discriminatorNoise(SFV_DISCRIMINATOR_NOISE)
    expect(Math.min(...paper.probabilities)).toBeGreaterThan(0)
    expect(paper).toEqual(discriminatorNoise({ pMean: -1, pStd: 1 }))
  })

  it('refuses a deviation of 0', () => {
    expect(() => discriminatorNoise({ pMean: 0, pStd: 0 })).toThrow(RangeError)
  })
})

describe('drawSigma', () => {
  it('draws each level by its probability', () => {
    const law: DiscriminatorNoise = {
      sigmas: Float64Array.of(1, 2, 3, 4),
      probabilities: Float64Array.of(0, 0.25, 0.75, 0),
    }
    expect([0, 0.2, 0.25, 0.9, 1 - 2 ** -53].map((uniform) => drawSigma(law, uniform))).toEqual([2, 2, 3, 3, 3])
  })

  it("draws the paper's mean of ln s'", () => {
    const law = discriminatorNoise(SFV_DISCRIMINATOR_NOISE)
    const random = new Random(5)
    const n = 5000
    let sum = 0
    for (let i = 0; i < n; i++) sum += Math.log(drawSigma(law, random.uniform()))
    expect(Math.abs(sum / n - discriminator[1]!.expected_log_sigma)).toBeLessThan(4 / Math.sqrt(n))
  })
})
