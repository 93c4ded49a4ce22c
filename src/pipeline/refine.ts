import { generatorSigmas, karrasSchedule, type Schedule, type SchedulerConfig } from '../diffusion/index.js'

/** How many frames a loop is decoded beyond both of its ends, which are its other end's. */
export const LOOP_PADDING = 2

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

/** The level at which a loop's seam is closed: the lowest that the generator is trained at, which changes least. */
export function loopSigma(config: SchedulerConfig): number {
  return generatorSigmas(undefined, config)[0]!
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

/** Frames (f, ...) moved back in a circle by `shift`: frame `i` of the result is frame `(i + shift) mod f`. */
export function roll(frames: Float32Array, count: number, shift: number): Float32Array {
  const size = frames.length / count
  const from = (((shift % count) + count) % count) * size
  const rolled = new Float32Array(frames.length)
  rolled.set(frames.subarray(from))
  rolled.set(frames.subarray(0, from), frames.length - from)
  return rolled
}

/**
 * Spreads what the last frame and the first differ by evenly over the clip: with g = x_0 - x_(f-1), frame `i` becomes
 * x_i + ((i - (f-1)/2) / f) g. Every step then holds a share g/f of it, the step from the last frame to the first no more.
 *
 * @param frames (f, ...)
 */
export function spreadGap(frames: Float32Array, count: number): Float32Array {
  const size = frames.length / count
  const last = frames.length - size
  return frames.map((value, i) => {
    const gap = frames[i % size]! - frames[last + (i % size)]!
    return value + ((Math.floor(i / size) - (count - 1) / 2) / count) * gap
  })
}

/**
 * Cross-fades two takes of one loop, each with a seam of its own: `open` between its last frame and its first, `closed`
 * half a clip from there. Frame `i` has the share cos^2(pi (i + 1/2) / f) of `closed`: about all where `open` has its
 * seam, none where `closed` has.
 *
 * @param open (f, ...), the clip as it was made
 * @param closed (f, ...), in the same order of frames
 */
export function crossFade(open: Float32Array, closed: Float32Array, count: number): Float32Array {
  const size = open.length / count
  return open.map((value, i) => {
    const share = Math.cos((Math.PI * (Math.floor(i / size) + 0.5)) / count) ** 2
    return value + share * (closed[i]! - value)
  })
}

/** Frames (f, ...) with `padding` frames of its other end before the first and after the last: (f + 2 padding, ...). */
export function padLoop(frames: Float32Array, count: number, padding: number): Float32Array {
  const size = frames.length / count
  const padded = new Float32Array(frames.length + 2 * padding * size)
  for (let i = 0; i < count + 2 * padding; i++) {
    const from = (((i - padding) % count) + count) % count
    padded.set(frames.subarray(from * size, (from + 1) * size), i * size)
  }
  return padded
}

/** Undoes `padLoop`: the `count` frames in the middle of (count + 2 padding, ...). */
export function unpadLoop(frames: Float32Array, count: number, padding: number): Float32Array {
  const size = frames.length / (count + 2 * padding)
  return frames.subarray(padding * size, (padding + count) * size)
}
