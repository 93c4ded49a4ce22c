import type { Frames } from '../media/frames.js'
import { motionOf } from './clip-metrics.js'
import { medianOf } from './measure.js'
import { tornBlocks } from './torn-blocks.js'

/** How good a candidate is. */
export interface Score {
  /** Its place in the list that was given. */
  readonly index: number
  /** Mean share of torn blocks, 0 to 1. */
  readonly torn: number
  /** Mean difference of neighbouring frames, 0 to 1. */
  readonly motion: number
}

/** Share of the median motion below which a clip counts as standing still. */
const STILL = 0.5

/**
 * Clips of one picture from the best to the worst: the fewer torn blocks the better. One that moves less than half as much as the
 * median one comes after all that move: what stands still is never torn.
 *
 * @param clips at least one
 */
export function rankClips(clips: readonly Frames[]): Score[] {
  const scores = clips.map((clip, index): Score => {
    const torn = tornBlocks(clip)
    return { index, torn: torn.reduce((sum, share) => sum + share, 0) / torn.length, motion: motionOf(clip) }
  })
  const least = STILL * medianOf(scores.map(({ motion }) => motion))
  const isStill = ({ motion }: Score) => (motion < least ? 1 : 0)
  return scores.sort((a, b) => isStill(a) - isStill(b) || a.torn - b.torn)
}
