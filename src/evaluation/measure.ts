import type { Frames } from '../media/frames.js'
import { Random } from '../runtime/random.js'
import { bootstrapInterval } from './bootstrap.js'
import { flickerOf, motionOf } from './clip-metrics.js'
import { frechetDistance } from './frechet.js'
import { kernelDistance } from './kernel-distance.js'
import type { SetMetrics, TornBlocks } from './results.js'
import { tornBlocks } from './torn-blocks.js'

/** What is kept of a clip once it has been looked at. */
export interface MeasuredClip {
  readonly features: Float32Array
  readonly motion: number
  readonly flicker: number
  /** `tornBlocks` of the clip. */
  readonly torn: readonly number[]
}

/** Looks at a clip. */
export async function measureClip(
  clip: Frames,
  features: { extract(clip: Frames): Promise<Float32Array> },
): Promise<MeasuredClip> {
  return {
    features: await features.extract(clip),
    motion: motionOf(clip),
    flicker: flickerOf(clip),
    torn: tornBlocks(clip),
  }
}

/**
 * Holds a set of clips against the real ones, clip by clip of the same first frame; an interval draws both of a pair
 * together.
 */
export function compareSets(made: readonly MeasuredClip[], real: readonly MeasuredClip[], seed: number): SetMetrics {
  const [x, y] = [made, real].map((set) => set.map(({ features }) => features)) as [Float32Array[], Float32Array[]]
  const distance = (clips: readonly number[]) =>
    frechetDistance(
      clips.map((i) => x[i]!),
      clips.map((i) => y[i]!),
    )
  const motions = made.map(({ motion }) => motion)
  const motion = meanOf(motions)
  return {
    fvd: frechetDistance(x, y),
    fvdInterval: bootstrapInterval(made.length, distance, new Random(seed, 'bootstrap')),
    kernelDistance: kernelDistance(x, y),
    motion,
    motionRatio: motion / meanOf(real.map((clip) => clip.motion)),
    motions,
    flicker: meanOf(made.map(({ flicker }) => flicker)),
    tornBlocks: meanTorn(made),
  }
}

/** The torn blocks of a set of clips. */
export function meanTorn(clips: readonly MeasuredClip[]): TornBlocks {
  const frames = clips[0]!.torn.map((_, i) => meanOf(clips.map(({ torn }) => torn[i]!)))
  return { frames, mean: meanOf(frames) }
}

/** The mean of some numbers, at least one. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The middle one, or the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = (sorted.length - 1) / 2
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half)]!) / 2
}
