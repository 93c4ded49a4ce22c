import { UserError } from '../errors.js'

/** The bounds of the noise levels. */
export interface SigmaRange {
  readonly sigmaMin: number
  readonly sigmaMax: number
}

/** Stable Video Diffusion's noise levels. */
export const SVD_SIGMAS: SigmaRange = { sigmaMin: 0.002, sigmaMax: 700 }

/** What matters in the `scheduler_config.json` of a Stable Video Diffusion. */
export interface SchedulerConfig extends SigmaRange {
  /** With `leading` the first latents have the deviation sqrt(sigmaMax^2 + 1), else sigmaMax. */
  readonly timestepSpacing: 'leading' | 'linspace' | 'trailing'
  /** Levels that a consistency model was distilled at, evenly spaced in Karras' law; only such a model has them. */
  readonly consistencyLevels?: number
}

/** The noise levels that a multi-step sampler walks down. */
export interface Schedule {
  /** (steps + 1), falling, in float32; the last is 0. */
  readonly sigmas: Float32Array
  /** (steps): the network's time of each step, 0.25 ln sigma. */
  readonly timesteps: Float32Array
  /** The noise that is left in what a consistency model takes for clean. Default: none. */
  readonly sigmaMin?: number
  /** Noise of unit variance is multiplied by this to make the first latents. */
  readonly initNoiseSigma: number
}

const RHO = 7

/** (from^(1/7) + share (to^(1/7) - from^(1/7)))^7, Karras et al. 2022, eq. 5. */
function interpolate(from: number, to: number, share: number): number {
  const start = from ** (1 / RHO)
  return (start + share * (to ** (1 / RHO) - start)) ** RHO
}

/**
 * Karras sigmas as diffusers' `EulerDiscreteScheduler` makes them: from sigmaMax down to sigmaMin in doubles, rounded to
 * float32, and a final 0: (steps + 1). One step gives [sigmaMax, 0].
 *
 * @param steps at least 1
 */
export function karrasSigmas(steps: number, { sigmaMin, sigmaMax }: SigmaRange = SVD_SIGMAS): Float32Array {
  if (!Number.isSafeInteger(steps) || steps < 1) throw new RangeError(`a schedule of ${steps} steps`)
  const sigmas = new Float32Array(steps + 1)
  for (let i = 0; i < steps; i++) sigmas[i] = interpolate(sigmaMax, sigmaMin, steps === 1 ? 0 : i / (steps - 1))
  return sigmas
}

/**
 * The schedule after `EulerDiscreteScheduler.set_timesteps`.
 *
 * @param steps at least 1
 */
export function karrasSchedule(steps: number, config: SchedulerConfig): Schedule {
  const sigmas = karrasSigmas(steps, config)
  const first = sigmas[0]!
  return {
    sigmas,
    timesteps: sigmas.subarray(0, steps).map((sigma) => 0.25 * Math.log(sigma)),
    initNoiseSigma: Math.fround(config.timestepSpacing === 'leading' ? Math.sqrt(first * first + 1) : first),
  }
}

/**
 * The schedule that consistency models are sampled along, ending in 0. Where the model says at how many levels it was distilled,
 * these are every so manieth of them, as AnimateLCM's `AnimateLCMSVDStochasticIterativeScheduler` has it (and
 * `CMStochasticIterativeScheduler` of diffusers); else the levels of `karrasSchedule(steps + 1)` without its sigmaMin, where a
 * consistency model changes nothing.
 *
 * @param steps at least 1
 * @throws UserError when there are fewer levels than steps.
 */
export function consistencySchedule(steps: number, config: SchedulerConfig): Schedule {
  const { sigmaMin, sigmaMax, consistencyLevels = steps + 1 } = config
  if (steps > consistencyLevels)
    throw new UserError(`steps is ${steps}, and the model has ${consistencyLevels} levels; choose at most as many`)
  const stride = Math.floor(consistencyLevels / steps)
  const levels = new Float32Array(steps + 1)
  for (let i = 0; i < steps; i++) levels[i] = interpolate(sigmaMax, sigmaMin, (i * stride) / (consistencyLevels - 1))
  const timesteps = levels.subarray(0, steps).map((sigma) => 0.25 * Math.log(sigma))
  return { sigmas: levels, timesteps, sigmaMin, initNoiseSigma: levels[0]! }
}

/**
 * SF-V's noise levels s_t, t = 0 .. count - 1, rising from sigmaMin to sigmaMax (PAPER eq. 5): the other way round than
 * `karrasSchedule`.
 *
 * @param count T, at least 2
 */
export function sfvSigmas(count: number, { sigmaMin, sigmaMax }: SigmaRange = SVD_SIGMAS): Float64Array {
  return Float64Array.from({ length: count }, (_, t) => interpolate(sigmaMin, sigmaMax, t / (count - 1)))
}

/**
 * The noise levels that the generator is trained at, each equally likely: `sfvSigmas` without its sigmaMin (PAPER section
 * 2). For T_g = 4 of SVD: 2.27, 70.5, 700.
 *
 * @param count T_g, at least 2
 */
export function generatorSigmas(count = 4, range: SigmaRange = SVD_SIGMAS): Float64Array {
  return sfvSigmas(count, range).subarray(1)
}
