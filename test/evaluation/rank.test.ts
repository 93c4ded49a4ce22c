import { expect, it } from 'vitest'
import { rankClips } from '../../src/evaluation/rank.js'
import type { Frames } from '../../src/media/frames.js'

const [SIDE, COUNT] = [32, 14]

/** A dark square that moves `speed` pixels a frame; `crumbs` of its last frames' blocks are of a colour that is nowhere else. */
function clip(speed: number, crumbs: number): Frames {
  const data = new Uint8Array(COUNT * SIDE * SIDE * 3).fill(255)
  for (let frame = 0; frame < COUNT; frame++)
    for (let y = 8; y < 16; y++)
      for (let x = 4; x < 12; x++) {
        const at = 3 * ((frame * SIDE + y) * SIDE + x + Math.round(speed * frame))
        data.fill(20, at, at + 3)
      }
  for (let frame = 3; frame < COUNT; frame++)
    for (let i = 0; i < crumbs; i++)
      for (let y = 20; y < 24; y++)
        for (let x = 4 * i; x < 4 * i + 4; x++) data.set([0, 255, 0], 3 * ((frame * SIDE + y) * SIDE + x))
  return { width: SIDE, height: SIDE, count: COUNT, data }
}

it('has the clip with the fewest torn blocks first, and those that stand still last', () => {
  const ranked = rankClips([clip(1, 3), clip(1, 1), clip(0, 0), clip(1, 6), clip(0.9, 2)])
  expect(ranked.map(({ index }) => index)).toEqual([1, 4, 0, 3, 2])
  // One of 64 blocks in each of the frames that are looked at.
  expect(ranked[0]!.torn).toBeCloseTo(1 / 64, 9)
  expect(ranked[4]).toMatchObject({ torn: 0, motion: 0 })
})

it('of clips that all stand still, has the first first', () => {
  expect(rankClips([clip(0, 0), clip(0, 0)]).map(({ index }) => index)).toEqual([0, 1])
})
