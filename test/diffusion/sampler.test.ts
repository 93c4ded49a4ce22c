import { describe, expect, it } from 'vitest'
import { applyGuidance, guidanceScales, isGuided } from '../../src/diffusion/guidance.js'
import { eulerStep, sample, sampleClean, sampleConsistency, type SamplerProgress } from '../../src/diffusion/sampler.js'
import { consistencySchedule, karrasSchedule } from '../../src/diffusion/schedule.js'
import { denoised } from '../../src/diffusion/edm.js'
import { UserError } from '../../src/errors.js'
import { readFixture, relativeError, tensorOf } from '../support/fixture.js'

const config = { sigmaMin: 0.002, sigmaMax: 700, timestepSpacing: 'leading' } as const
const tensors = readFixture('scheduler/case.safetensors.gz')
const floats = (name: string): Float32Array => Float32Array.from(tensorOf(tensors, name).data)

/** The `index`-th of the equal rows of a (steps, ...) tensor. */
function row(name: string, index: number, steps: number): Float32Array {
  const data = floats(name)
  return data.subarray((index * data.length) / steps, ((index + 1) * data.length) / steps)
}

describe('sampleConsistency', () => {
  it('noises what each step has seen anew to the next level, and ends with what the last one sees', async () => {
    const schedule = consistencySchedule(3, config)
    const inputs: number[] = []
    // A network that always sees 10 (step + 1), whatever it is given.
    const denoise = (input: Float32Array, sigma: number, _cNoise: number, step: number) => {
      const x = input[0]! * Math.hypot(sigma, 1)
      inputs.push(x)
      return Promise.resolve(
        Float32Array.of((x / (sigma * sigma + 1) - 10 * (step + 1)) / (sigma / Math.hypot(sigma, 1))),
      )
    }
    const drawn: number[] = []
    const noise = (step: number) => {
      drawn.push(step)
      return Float32Array.of(0.5)
    }
    const result = await sampleConsistency(Float32Array.of(700), schedule, denoise, noise)
    expect(result[0]).toBeCloseTo(30, 3)
    expect(drawn).toEqual([1, 2])
    const expected = [700, 10 + 0.5 * schedule.renoising![0]!, 20 + 0.5 * schedule.renoising![1]!]
    expect(relativeError(inputs, expected)).toBeLessThan(1e-5)
  })
})

describe('sampleClean', () => {
  it('takes the steps that sample takes of the network whose clean latents it is given', async () => {
    const schedule = karrasSchedule(4, config)
    const start = Float32Array.of(700, -350)
    const network = (input: Float32Array) => Promise.resolve(input.map((value) => 0.3 * value - 0.1))
    const clean = async (x: Float32Array, sigma: number) =>
      denoised(x, await network(x.map((value) => value / Math.hypot(sigma, 1))), sigma)
    const steps: number[] = []
    const found = await sampleClean(start, { sigmas: schedule.sigmas }, (x, sigma, step) => {
      steps.push(step)
      return clean(x, sigma)
    })
    expect(steps).toEqual([0, 1, 2, 3])
    expect(relativeError(found, await sample(start, schedule, network))).toBeLessThan(1e-6)
  })
})

describe('sample', () => {
  it.each([4, 25])('takes the %i steps of the reference', async (steps) => {
    const schedule = karrasSchedule(steps, config)
    const progress: SamplerProgress[] = []
    const inputErrors: number[] = []
    const last = await sample(
      floats(`run${steps}.initial`),
      schedule,
      (input, sigma, cNoise, step) => {
        inputErrors.push(relativeError(input, row(`run${steps}.scaled`, step, steps)))
        expect([sigma, cNoise]).toEqual([schedule.sigmas[step], schedule.timesteps[step]])
        return Promise.resolve(row(`run${steps}.model_output`, step, steps))
      },
      { onProgress: (event) => progress.push(event) },
    )
    expect(Math.max(...inputErrors)).toBeLessThan(1e-5)
    expect(relativeError(last, row(`run${steps}.prev`, steps - 1, steps))).toBeLessThan(1e-5)
    expect(progress).toEqual(Array.from({ length: steps }, (_, i) => ({ step: i + 1, steps })))
  })

  it.each([4, 25])('agrees with every one of the %i steps', (steps) => {
    const { sigmas } = karrasSchedule(steps, config)
    for (let step = 0; step < steps; step++) {
      const x = step === 0 ? floats(`run${steps}.initial`) : row(`run${steps}.prev`, step - 1, steps)
      const clean = denoised(x, row(`run${steps}.model_output`, step, steps), sigmas[step]!)
      // At sigma s the estimate is the small difference of numbers of size s.
      const rounding = 1e-6 * Math.max(1, sigmas[step]!)
      const expected = row(`run${steps}.x0`, step, steps)
      expect(relativeError(clean, expected)).toBeLessThan(rounding)
      const next = eulerStep(x, clean, sigmas[step]!, sigmas[step + 1]!)
      expect(relativeError(next, row(`run${steps}.prev`, step, steps))).toBeLessThan(1e-5)
    }
  })

  it('takes one step without the cancellation of the reference', async () => {
    const start = floats('run1.initial')
    const f = floats('run1.model_output')
    const clean = await sample(start, karrasSchedule(1, config), () => Promise.resolve(f))
    expect(clean).toEqual(denoised(start, f, 700))
    const difference = clean.map((value, i) => Math.abs(value - floats('run1.prev')[i]!))
    expect(Math.max(...difference)).toBeLessThan(5e-4)
    expect(relativeError(clean, floats('run1.x0'))).toBeLessThan(1e-5)
  })

  it('leaves the start as it was', async () => {
    const start = Float32Array.of(700, -700)
    await sample(start, karrasSchedule(3, config), (input) => Promise.resolve(input.fill(0)))
    expect([...start]).toEqual([700, -700])
  })

  it('stops at a signal, with its reason', async () => {
    const controller = new AbortController()
    let calls = 0
    const running = sample(
      new Float32Array(2),
      karrasSchedule(5, config),
      (input) => {
        if (++calls === 2) controller.abort(new Error('enough'))
        return Promise.resolve(input)
      },
      { signal: controller.signal },
    )
    await expect(running).rejects.toThrow('enough')
    expect(calls).toBe(2)
  })
})

describe('guidance', () => {
  it('rises evenly from the first frame to the last', () => {
    expect([...guidanceScales(1, 3, 5)]).toEqual([1, 1.5, 2, 2.5, 3])
    expect([...guidanceScales(1, 3, 1)]).toEqual([1])
  })

  it('takes each frame by its own scale', () => {
    const uncond = Float32Array.of(1, 2, 3, 4)
    const cond = Float32Array.of(2, 4, 5, 3)
    expect([...applyGuidance(uncond, cond, Float32Array.of(1, 3))]).toEqual([2, 4, 9, 1])
    expect(() => applyGuidance(uncond, cond, new Float32Array(3))).toThrow(RangeError)
    expect(() => applyGuidance(uncond, cond.subarray(1), new Float32Array(2))).toThrow(RangeError)
  })

  it('is on where the last scale is above 1, and refuses to fall to it', () => {
    expect(isGuided({ min: 1, max: 3 })).toBe(true)
    expect(isGuided({ min: 1, max: 1 })).toBe(false)
    expect(() => isGuided({ min: 2, max: 1 })).toThrow(UserError)
  })
})
