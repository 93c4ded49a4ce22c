import { expect, it } from 'vitest'
import { SVD_SIGMAS, type SchedulerConfig } from '../../src/diffusion/schedule.js'
import { diffuse, scheduleFrom, sigmaOfStrength } from '../../src/pipeline/refine.js'

const config: SchedulerConfig = { ...SVD_SIGMAS, timestepSpacing: 'leading' }

it('strengths share the levels that the generator is trained at', () => {
  const levels = [0, 0.3, 0.34, 0.66, 0.67, 1].map((strength) => sigmaOfStrength(strength, config))
  expect(levels.map((level) => level.toPrecision(3))).toEqual(['2.27', '2.27', '70.5', '70.5', '700', '700'])
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
