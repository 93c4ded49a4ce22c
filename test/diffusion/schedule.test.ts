import { describe, expect, it } from 'vitest'
import { consistencySchedule, generatorSigmas, karrasSchedule, sfvSigmas } from '../../src/diffusion/schedule.js'
import { parseSchedulerConfig } from '../../src/diffusion/scheduler-config.js'
import { UserError } from '../../src/errors.js'
import { readFixture, readJson, relativeError, tensorOf } from '../support/fixture.js'

const file = 'scheduler/scheduler_config.json'
const json = readJson<Record<string, unknown>>(file)
const config = parseSchedulerConfig(json, file)
const tensors = readFixture('scheduler/case.safetensors.gz')

describe('consistencySchedule', () => {
  it.each([1, 2, 8])('has the levels of %i steps more than sigmaMin, then 0', (steps) => {
    const { sigmas, timesteps, renoising, initNoiseSigma } = consistencySchedule(steps, config)
    expect(sigmas.subarray(0, steps)).toEqual(karrasSchedule(steps + 1, config).sigmas.subarray(0, steps))
    expect([sigmas[steps], sigmas.length, timesteps.length, initNoiseSigma]).toEqual([0, steps + 1, steps, 700])
    expect(sigmas[steps - 1]).toBeGreaterThan(0.002)
    const left = Array.from(sigmas.subarray(1, steps), (sigma) => Math.sqrt(sigma ** 2 - 0.002 ** 2))
    expect(relativeError(renoising!, [...left, 0])).toBeLessThan(1e-7)
  })
})

describe("AnimateLCM's schedule", () => {
  const written = {
    _class_name: 'AnimateLCMSVDStochasticIterativeScheduler',
    clip_denoised: false,
    num_train_timesteps: 40,
    rho: 7,
    s_noise: 1,
    sigma_data: 1,
    sigma_max: 700,
    sigma_min: 0.002,
  }

  // CMStochasticIterativeScheduler of diffusers 0.42 with these settings, which ends in sigmaMin where ours ends in 0.
  it.each([
    [1, [700]],
    [2, [700, 13.678443908691406]],
    [4, [700, 128.56369018554688, 13.678443908691406, 0.49687841534614563]],
    [8, [700, 315.737396, 128.56369, 45.8507233, 13.6784439, 3.16661072, 0.496878415, 0.0397536904]],
  ])('is that of the reference for %i steps', (steps, expected) => {
    const { sigmas, timesteps, renoising } = consistencySchedule(steps, parseSchedulerConfig(written, file))
    expect(relativeError(sigmas.subarray(0, steps), expected)).toBeLessThan(1e-7)
    expect([sigmas.at(-1), timesteps[0]]).toEqual([0, Math.fround(0.25 * Math.log(700))])
    expect(renoising).toEqual(sigmas.subarray(1))
  })

  it.each([
    ['sigma_data', 0.5],
    ['clip_denoised', true],
    ['num_train_timesteps', 1],
    ['rho', 0],
    ['beta_start', 1],
  ])('refuses %s = %j by name', (field, value) => {
    expect(() => parseSchedulerConfig({ ...written, [field]: value }, file)).toThrow(`${file}: field ${field} is `)
  })

  it('bends the levels by rho', () => {
    const { sigmas } = consistencySchedule(2, parseSchedulerConfig({ ...written, rho: 1 }, file))
    expect(sigmas[1]).toBeCloseTo(700 + (20 / 39) * (0.002 - 700), 3)
  })

  it('has no more steps than levels', () => {
    expect(() => consistencySchedule(41, parseSchedulerConfig(written, file))).toThrow(
      /^steps is 41, and the model has 40/,
    )
  })
})

describe('karrasSchedule', () => {
  it.each([1, 2, 4, 8, 16, 25, 30])('is that of the reference for %i steps', (steps) => {
    const { sigmas, timesteps, initNoiseSigma } = karrasSchedule(steps, config)
    expect(sigmas).toEqual(tensorOf(tensors, `steps${steps}.sigmas`).data)
    expect(relativeError(timesteps, tensorOf(tensors, `steps${steps}.timesteps`).data)).toBeLessThan(1e-6)
    expect(relativeError([initNoiseSigma], tensorOf(tensors, `steps${steps}.init_noise_sigma`).data)).toBeLessThan(1e-8)
  })

  it('starts from sigmaMax itself unless the spacing is leading', () => {
    const trailing = parseSchedulerConfig({ ...json, timestep_spacing: 'trailing' }, file)
    expect(karrasSchedule(4, trailing).initNoiseSigma).toBe(700)
    expect(karrasSchedule(4, trailing).sigmas).toEqual(karrasSchedule(4, config).sigmas)
  })

  it('follows the bounds of the configuration', () => {
    const { sigmas } = karrasSchedule(3, parseSchedulerConfig({ ...json, sigma_min: 0.5, sigma_max: 80 }, file))
    // The middle is ((80^(1/7) + 0.5^(1/7)) / 2)^7.
    expect([...sigmas].map((sigma) => Number(sigma.toPrecision(6)))).toEqual([80, 9.92105, 0.5, 0])
  })

  it('refuses to have no steps', () => {
    for (const steps of [0, 1.5, NaN]) expect(() => karrasSchedule(steps, config)).toThrow(RangeError)
  })
})

describe("SF-V's noise levels", () => {
  const fixture = readJson<{ generator: { '4': number[] }; sigma_prime: number[] }>('sfv-noise/config.json.gz')

  it('are those of the reference', () => {
    expect(relativeError(sfvSigmas(1000), fixture.sigma_prime)).toBeLessThan(1e-14)
    expect(relativeError(generatorSigmas(), fixture.generator['4'])).toBeLessThan(1e-14)
  })

  it('rise to sigmaMax, the other way round than the sampler', () => {
    const down = karrasSchedule(4, config).sigmas.subarray(0, 4)
    expect(relativeError(sfvSigmas(4).reverse(), down)).toBeLessThan(1e-7)
  })
})

describe('parseSchedulerConfig', () => {
  it('reads the fields that matter', () => {
    expect(config).toEqual({ sigmaMin: 0.002, sigmaMax: 700, timestepSpacing: 'leading' })
    expect(parseSchedulerConfig({ ...json, beta_end: 0.5, clip_sample: false, _note: 1 }, file)).toEqual(config)
  })

  it.each([
    ['prediction_type', 'epsilon'],
    ['use_karras_sigmas', false],
    ['timestep_type', 'discrete'],
    ['final_sigmas_type', 'sigma_min'],
    ['use_exponential_sigmas', true],
    ['timestep_spacing', 'random'],
    ['sigma_min', null],
    ['sigma_min', 700],
    ['sigma_max', '700'],
    ['_class_name', 'DDIMScheduler'],
    ['solver_order', 2],
  ])('refuses %s = %j by name', (field, value) => {
    const parse = (): unknown => parseSchedulerConfig({ ...json, [field]: value }, file)
    expect(parse).toThrow(UserError)
    expect(parse).toThrow(`${file}: field ${field} is `)
  })

  it.each(['prediction_type', 'timestep_type', 'use_karras_sigmas', 'sigma_max'])(
    'refuses a file without %s, whose default is another',
    (field) => {
      const rest = Object.fromEntries(Object.entries(json).filter(([name]) => name !== field))
      expect(() => parseSchedulerConfig(rest, file)).toThrow(`field ${field} is `)
    },
  )

  it('refuses what is no object', () => {
    for (const value of [null, 3, []]) expect(() => parseSchedulerConfig(value, file)).toThrow('not a JSON object')
  })
})
