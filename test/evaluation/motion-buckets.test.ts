import { describe, expect, it } from 'vitest'
import { motionBucketId } from '../../src/data/motion.js'
import { motionBuckets } from '../../src/evaluation/motion-buckets.js'

const MOTIONS = Array.from({ length: 50 }, (_, i) => 0.004 + 0.002 * i)
const OWN = MOTIONS.map((motion) => motionBucketId([motion]))

describe('motion buckets', () => {
  it('are those of the real clips, each once, dealt out anew', () => {
    const dealt = motionBuckets('shuffled', MOTIONS, 1)
    expect([...dealt].sort((a, b) => a - b)).toEqual([...OWN].sort((a, b) => a - b))
    expect(dealt.filter((bucket, i) => bucket === OWN[i]).length).toBeLessThan(15)
    expect(motionBuckets('shuffled', MOTIONS, 1)).toEqual(dealt)
    expect(motionBuckets('shuffled', MOTIONS, 2)).not.toEqual(dealt)
  })

  it('are one for all where one is told', () => {
    expect(motionBuckets(60, MOTIONS, 1)).toEqual(MOTIONS.map(() => 60))
  })
})
