import type { Interval } from './bootstrap.js'
import type { MotionChoice } from './motion-buckets.js'
import type { Row } from './rows.js'

/** Torn blocks of clips, as shares of 0 to 1. */
export interface TornBlocks {
  /** In each of `TORN_FRAMES`. */
  readonly frames: readonly number[]
  readonly mean: number
}

/** What is measured of a set of clips against the real ones. */
export interface SetMetrics {
  /** Frechet distance to the real clips, and its 95 % interval. */
  readonly fvd: number
  readonly fvdInterval: Interval
  /** Kernel distance to the real clips. */
  readonly kernelDistance: number
  /** Mean frame difference, 0 to 1; over that of the real clips; and that for each clip. */
  readonly motion: number
  readonly motionRatio: number
  readonly motions: readonly number[]
  readonly flicker: number
  readonly tornBlocks: TornBlocks
}

/** What is measured of a row. */
export interface RowResult extends SetMetrics {
  readonly row: Row
  readonly label: string
  /** SHA-256 of the network's weights. */
  readonly checksum: string
  /** Of the first frame against the picture that was given, in dB, averaged over clips. */
  readonly firstFramePsnr: number
  /** Mean difference between clips of the same picture by different seeds, 0 to 1; none for a single seed. */
  readonly diversity?: number
  /** Medians in milliseconds; none where nothing was timed. */
  readonly milliseconds?: { readonly encode: number; readonly denoise: number; readonly decode: number }
}

/** What an evaluation found. It is written as `results.json`. */
export interface EvaluationResults {
  readonly format: 'sfv-evaluation-1'
  readonly version: string
  readonly model: string
  readonly data: {
    readonly folder: string
    readonly split: string
    readonly clips: number
    /** Clips of the split, of which `clips` were taken. */
    readonly available: number
    readonly figures: number
    readonly frames: number
    readonly width: number
    readonly height: number
    readonly fps: number
  }
  readonly settings: {
    readonly seed: number
    readonly motion: MotionChoice
    readonly noiseAug: number
    readonly seeds: number
  }
  readonly features: { readonly description: string; readonly checksum: string; readonly length: number }
  readonly machine: { readonly processor: string; readonly cores: number; readonly device: string }
  readonly real: Pick<SetMetrics, 'motion' | 'motions' | 'flicker' | 'tornBlocks'>
  /** The real clips through the VAE and back: the least that a row can have. */
  readonly reconstruction: SetMetrics & { readonly psnr: number }
  readonly rows: readonly RowResult[]
}
