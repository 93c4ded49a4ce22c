import { expect, it } from 'vitest'
import { SVD_SIGMAS, type SchedulerConfig } from '../../src/diffusion/schedule.js'
import {
  crossFade,
  diffuse,
  loopSigma,
  padLoop,
  roll,
  scheduleFrom,
  spreadGap,
  sigmaOfStrength,
  unpadLoop,
} from '../../src/pipeline/refine.js'

const config: SchedulerConfig = { ...SVD_SIGMAS, timestepSpacing: 'leading' }

it('strengths share the levels that the generator is trained at', () => {
  const levels = [0, 0.3, 0.34, 0.66, 0.67, 1].map((strength) => sigmaOfStrength(strength, config))
  expect(levels.map((level) => level.toPrecision(3))).toEqual(['2.27', '2.27', '70.5', '70.5', '700', '700'])
  expect(loopSigma(config)).toBe(levels[0])
})

it('a schedule from a level begins there and ends at 0', () => {
  const one = scheduleFrom(2.27, 1, config)
  expect([...one.sigmas]).toEqual([Math.fround(2.27), 0])
  expect(one.timesteps[0]).toBeCloseTo(0.25 * Math.log(2.27), 6)
  const many = scheduleFrom(2.27, 25, config)
  expect(many.sigmas[0]).toBeCloseTo(2.27, 6)
  expect(many.timesteps).toHaveLength(many.sigmas.length - 1)
  const steps = [...many.sigmas]
  expect(steps).toEqual([...steps].sort((a, b) => b - a))
  expect(steps.length).toBeGreaterThan(3)
  expect(steps.length).toBeLessThan(25)
})

it('noise is added at its level', () => {
  expect([...diffuse(Float32Array.of(1, 2), Float32Array.of(1, -1), 3)]).toEqual([4, -1])
})

const clip = Float32Array.from({ length: 10 }, (_, i) => i) // Five frames of two values.

it('turning there and back is nothing', () => {
  expect([...roll(clip, 5, 2)]).toEqual([4, 5, 6, 7, 8, 9, 0, 1, 2, 3])
  expect(roll(roll(clip, 5, 2), 5, -2)).toEqual(clip)
})

it('the gap between the ends is spread over all steps', () => {
  const steps = (values: Float32Array) => [...values].map((value, i) => values[(i + 1) % values.length]! - value)
  const spread = spreadGap(Float32Array.of(0, 1, 2, 3, 10), 5)
  // The steps 1, 1, 1, 7 and the gap -10 to the first: each takes a fifth of it.
  expect(steps(spread).map((step) => step.toFixed(4))).toEqual(['-1.0000', '-1.0000', '-1.0000', '5.0000', '-2.0000'])
})

it('a loop is padded with its other end, and cut to itself', () => {
  const padded = padLoop(clip, 5, 2)
  expect([...padded]).toEqual([6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3])
  expect(unpadLoop(padded, 5, 2)).toEqual(clip)
})

it('the cross-fade takes the closed take at the seam and the open one half a clip from there', () => {
  const frames = 14
  const faded = crossFade(new Float32Array(frames), new Float32Array(frames).fill(1), frames)
  expect(faded[0]).toBeCloseTo(faded[frames - 1]!, 6)
  expect(faded[0]).toBeGreaterThan(0.98)
  expect(faded[frames / 2]).toBeLessThan(0.02)
  // With the same share on both sides of each seam, a seam of one take is shown by the other.
  expect(faded[frames / 2 - 1]).toBeCloseTo(faded[frames / 2]!, 6)
})
