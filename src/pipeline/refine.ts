import { generatorSigmas, karrasSchedule, type Schedule, type SchedulerConfig } from '../diffusion/index.js'

/**
 * The noise level that stands for a strength: the levels that the generator is trained at share 0 to 1 evenly. SVD's are
 * 2.27, 70.6 and 700: up to a third the clip's layout and motion stay, above only its first frame counts.
 *
 * @param strength 0 to 1
 */
export function sigmaOfStrength(strength: number, config: SchedulerConfig): number {
  const levels = generatorSigmas(undefined, config)
  return levels[Math.min(levels.length - 1, Math.floor(strength * levels.length))]!
}

/**
 * A schedule that starts from noisy latents at `sigma` instead of from noise: the level itself, and of a walk of `steps`
 * steps those below. One step is one forward at `sigma`.
 */
export function scheduleFrom(sigma: number, steps: number, config: SchedulerConfig): Schedule {
  const below =
    steps === 1 ? [] : [...karrasSchedule(steps, config).sigmas].filter((level) => level > 0 && level < sigma)
  const levels = [sigma, ...below]
  return {
    sigmas: Float32Array.of(...levels, 0),
    timesteps: Float32Array.from(levels, (level) => 0.25 * Math.log(level)),
    initNoiseSigma: sigma,
  }
}

/** x + sigma noise: clean latents at a noise level. */
export function diffuse(latents: Float32Array, noise: Float32Array, sigma: number): Float32Array {
  return latents.map((value, i) => value + sigma * noise[i]!)
}
