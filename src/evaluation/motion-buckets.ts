import { motionBucketId } from '../data/motion.js'
import { Random } from '../runtime/random.js'
import { shuffled } from '../runtime/shuffled.js'

/** The motion bucket that clips are told: one for all, or those of the real clips, shuffled among them. */
export type MotionChoice = number | 'shuffled'

/**
 * A motion bucket for each clip. Shuffled, the made clips are asked for all the motion that the real ones have, some
 * much and some little, and no clip is told how it really goes on.
 *
 * @param motions `motionOf` each real clip
 */
export function motionBuckets(choice: MotionChoice, motions: readonly number[], seed: number): number[] {
  if (choice !== 'shuffled') return motions.map(() => choice)
  const own = motions.map((motion) => motionBucketId([motion]))
  return shuffled(own, new Random(seed, 'motion buckets'))
}
