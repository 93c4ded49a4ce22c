import { denoised, precondition } from './edm.js'
import type { Schedule } from './schedule.js'

/**
 * The network at one step.
 *
 * @param input the latents times cIn, as the network wants them
 * @param sigma the step's noise level
 * @param cNoise the network's time, 0.25 ln sigma
 * @param step counts from 0
 * @returns F, of the shape of `input`
 */
export type Denoise = (input: Float32Array, sigma: number, cNoise: number, step: number) => Promise<Float32Array>

/** Told after each step of a sampler. */
export interface SamplerProgress {
  /** Steps done, 1 .. steps; one that is taken again counts each time. */
  readonly step: number
  readonly steps: number
}

/** How steps are taken again, from their own level and with fresh noise (Lugmayr et al. 2022, RePaint). */
export interface Resampling {
  /** How often each of them is taken again. */
  readonly times: number
  /** How many steps are: the first ones. */
  readonly steps: number
  /** Noise of unit variance for a step and its repetition, both from 0, of the shape of the latents. */
  noise(step: number, repetition: number): Float32Array
}

/** What a sampler may be told. */
export interface SampleOptions {
  readonly onProgress?: (progress: SamplerProgress) => void
  /** Puts what is known in the place of what a step made: given the latents after `step`, at `sigma`; changes them. */
  readonly hold?: ((x: Float32Array, sigma: number, step: number) => void) | undefined
  readonly resample?: Resampling | undefined
  /** Ends the sampling before the next step, with the signal's reason as the error. */
  readonly signal?: AbortSignal | undefined
}

/**
 * One step of Euler's method along the probability-flow ODE (PAPER eq. 4): x + (sigmaNext - sigma) (x - D)/sigma. To
 * sigmaNext = 0 that is D itself, which is returned as it is: from sigma = 700 the formula would lose 1e-4 to
 * cancellation in float32.
 *
 * @param x latents at level `sigma`
 * @param clean D(x; sigma), of the shape of x
 */
export function eulerStep(x: Float32Array, clean: Float32Array, sigma: number, sigmaNext: number): Float32Array {
  if (sigmaNext === 0) return clean
  const share = (sigmaNext - sigma) / sigma
  return x.map((value, i) => value + share * (value - clean[i]!))
}

/** D: the clean latents that are seen in noisy ones `x` at level `sigma`, of the shape of `x`; `step` counts from 0. */
export type Clean = (x: Float32Array, sigma: number, step: number) => Promise<Float32Array>

/** D = c_skip x + c_out F (PAPER eq. 3) of a network F. */
function cleanBy(denoise: Denoise, timesteps: Float32Array): Clean {
  return async (x, sigma, step) => {
    const { cIn } = precondition(sigma)
    const f = await denoise(
      x.map((value) => cIn * value),
      sigma,
      timesteps[step]!,
      step,
    )
    return denoised(x, f, sigma)
  }
}

/** Goes from a step's latents `x` at level `sigma`, and the clean ones seen in them, to the next level. */
type Advance = (x: Float32Array, clean: Float32Array, sigma: number, sigmaNext: number, step: number) => Float32Array

/**
 * Walks latents down a schedule by Euler's method, one call of the network a step; a schedule of one step is the
 * single-forward generator of SF-V.
 *
 * @param start latents at the schedule's first level
 * @returns the clean latents, of the shape of `start`
 */
export function sample(
  start: Float32Array,
  schedule: Schedule,
  denoise: Denoise,
  options: SampleOptions = {},
): Promise<Float32Array> {
  return sampleClean(start, schedule, cleanBy(denoise, schedule.timesteps), options)
}

/** The same where the clean latents themselves are given, as by a graph that has the preconditioning in it. */
export function sampleClean(
  start: Float32Array,
  schedule: Pick<Schedule, 'sigmas'>,
  clean: Clean,
  options: SampleOptions = {},
): Promise<Float32Array> {
  return walk(start, schedule, clean, eulerStep, options)
}

/**
 * Walks latents down the schedule of a consistency model (Song et al. 2023, algorithm 1): after each step the clean latents are
 * noised anew to the next level.
 *
 * @param start latents at the schedule's first level
 * @param schedule of `consistencySchedule`
 * @param noise of unit variance for the step (from 1), of the shape of `start`
 * @returns the clean latents, of the shape of `start`
 */
export function sampleConsistency(
  start: Float32Array,
  schedule: Schedule,
  denoise: Denoise,
  noise: (step: number) => Float32Array,
  options: SampleOptions = {},
): Promise<Float32Array> {
  const renoise: Advance = (_x, clean, _sigma, sigmaNext, step) => {
    if (sigmaNext === 0) return clean
    const fresh = noise(step + 1)
    const deviation = schedule.renoising?.[step] ?? sigmaNext
    return clean.map((value, i) => value + deviation * fresh[i]!)
  }
  return walk(start, schedule, cleanBy(denoise, schedule.timesteps), renoise, options)
}

async function walk(
  start: Float32Array,
  { sigmas }: Pick<Schedule, 'sigmas'>,
  clean: Clean,
  advance: Advance,
  { onProgress, signal, hold, resample }: SampleOptions,
): Promise<Float32Array> {
  const repetitions = (step: number) => (resample && step < resample.steps ? resample.times : 0)
  const levels = sigmas.subarray(0, -1)
  const steps = levels.reduce((sum, _, step) => sum + 1 + repetitions(step), 0)
  let x = start
  let done = 0
  for (const [step, sigma] of levels.entries()) {
    const sigmaNext = sigmas[step + 1]!
    for (let repetition = 0; repetition <= repetitions(step); repetition++) {
      signal?.throwIfAborted()
      if (repetition > 0) {
        const fresh = resample!.noise(step, repetition - 1)
        const deviation = Math.sqrt(sigma ** 2 - sigmaNext ** 2)
        x = x.map((value, i) => value + deviation * fresh[i]!)
      }
      x = advance(x, await clean(x, sigma, step), sigma, sigmaNext, step)
      hold?.(x, sigmaNext, step)
      onProgress?.({ step: ++done, steps })
    }
  }
  signal?.throwIfAborted()
  return x
}
