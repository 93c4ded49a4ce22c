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
  /** What only the scheduler of a consistency model says. */
  readonly consistency?: ConsistencyConfig
}

/** What matters in the configuration of AnimateLCM's scheduler. */
export interface ConsistencyConfig {
  /** Levels that the model was distilled at, evenly spaced in Karras' law. */
  readonly levels: number
  /** The exponent of that law; 7 in SVD. */
  readonly rho: number
}

/** The noise levels that a multi-step sampler walks down. */
export interface Schedule {
  /** (steps + 1), falling, in float32; the last is 0. */
  readonly sigmas: Float32Array
  /** (steps): the network's time of each step, 0.25 ln sigma. */
  readonly timesteps: Float32Array
  /**
   * (steps): the deviation of the fresh noise that is added after each step, to be at the next level; only in the schedule of
   * a consistency model. The last is 0.
   */
  readonly renoising?: Float32Array
  /** Noise of unit variance is multiplied by this to make the first latents. */
  readonly initNoiseSigma: number
}

const RHO = 7

/** (from^(1/rho) + share (to^(1/rho) - from^(1/rho)))^rho, Karras et al. 2022, eq. 5. */
function interpolate(from: number, to: number, share: number, rho = RHO): number {
  const start = from ** (1 / rho)
  return (start + share * (to ** (1 / rho) - start)) ** rho
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
 * these are every so manieth of them, and fresh noise has the next level's deviation, as AnimateLCM's
 * `AnimateLCMSVDStochasticIterativeScheduler` has it. Else they are the levels of `karrasSchedule(steps + 1)` without its
 * sigmaMin, where a consistency model changes nothing, and fresh noise has sqrt(sigma^2 - sigmaMin^2), as sigmaMin is left in
 * what the model takes for clean (Song et al. 2023, algorithm 1; `CMStochasticIterativeScheduler` of diffusers).
 *
 * @param steps at least 1
 * @throws UserError when there are fewer levels than steps.
 */
export function consistencySchedule(steps: number, config: SchedulerConfig): Schedule {
  const { sigmaMin, sigmaMax, consistency } = config
  const { levels, rho } = consistency ?? { levels: steps + 1, rho: RHO }
  if (steps > levels)
    throw new UserError(`steps is ${steps}, and the model has ${levels} levels; choose at most as many`)
  const stride = Math.floor(levels / steps)
  const sigmas = new Float32Array(steps + 1)
  for (let i = 0; i < steps; i++) sigmas[i] = interpolate(sigmaMax, sigmaMin, (i * stride) / (levels - 1), rho)
  const timesteps = sigmas.subarray(0, steps).map((sigma) => 0.25 * Math.log(sigma))
  const left = consistency ? 0 : sigmaMin
  const renoising = sigmas.subarray(1).map((sigma) => (sigma === 0 ? 0 : Math.sqrt(sigma ** 2 - left ** 2)))
  return { sigmas, timesteps, renoising, initNoiseSigma: sigmas[0]! }
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

/**
 * The walk of a generator over all levels that it was trained at, from the highest down, each with fresh noise: what a clip takes
 * that is steered from step to step, which a single forward cannot be.
 */
export function generatorSchedule(range: SigmaRange = SVD_SIGMAS): Schedule {
  const levels = [...generatorSigmas(undefined, range)].reverse()
  const sigmas = Float32Array.of(...levels, 0)
  return {
    sigmas,
    timesteps: Float32Array.from(levels, (level) => 0.25 * Math.log(level)),
    renoising: sigmas.subarray(1),
    initNoiseSigma: levels[0]!,
  }
}
