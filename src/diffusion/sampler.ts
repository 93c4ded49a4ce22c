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
  /** Steps done, 1 .. steps. */
  readonly step: number
  readonly steps: number
}

/** What a sampler may be told. */
export interface SampleOptions {
  readonly onProgress?: (progress: SamplerProgress) => void
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
  return walk(start, schedule, denoise, eulerStep, options)
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
  return walk(start, schedule, denoise, renoise, options)
}

async function walk(
  start: Float32Array,
  { sigmas, timesteps }: Schedule,
  denoise: Denoise,
  advance: Advance,
  { onProgress, signal }: SampleOptions,
): Promise<Float32Array> {
  let x = start
  for (const [step, cNoise] of timesteps.entries()) {
    signal?.throwIfAborted()
    const sigma = sigmas[step]!
    const { cIn } = precondition(sigma)
    const f = await denoise(
      x.map((value) => cIn * value),
      sigma,
      cNoise,
      step,
    )
    x = advance(x, denoised(x, f, sigma), sigma, sigmas[step + 1]!, step)
    onProgress?.({ step: step + 1, steps: timesteps.length })
  }
  signal?.throwIfAborted()
  return x
}
