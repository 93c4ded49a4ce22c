import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFolder } from '../../src/data/folder.node.js'
import { ClipStore } from '../../src/data/store.node.js'
import type { Frames } from '../../src/media/frames.js'
import { Random } from '../../src/runtime/random.js'
import { alteredClip } from '../../src/training/alterations.node.js'
import { fixturePath } from '../support/fixture.js'

const SIDE = 32
const FRAMES = 3
let folder: string
let store: ClipStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-alterations-'))
  const size = { width: SIDE, height: SIDE }
  await buildFolder({ folder: fixturePath('clips'), out: folder, size, fps: 7 })
  store = await ClipStore.open(folder, ['train', 'test', 'reserved'])
}, 60_000)

afterAll(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

/** Left and right swapped, by pixels read from the end of each row. */
function mirrorOf({ data }: Frames): number[] {
  return Array.from(data, (_, i) => {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)]
    const [row, column] = [Math.floor(pixel / SIDE), pixel % SIDE]
    return data[3 * (row * SIDE + SIDE - 1 - column) + channel]!
  })
}

const channelSums = ({ data }: Frames) =>
  [0, 1, 2].map((c) => data.reduce((sum, x, i) => (i % 3 === c ? sum + x : sum), 0)).sort((a, b) => a - b)

describe('altered clips', () => {
  it('are mirrored, in other colours, or on another ground, as often as they should be', async () => {
    const original = await store.clip(0, 2, FRAMES)
    const [same, mirror] = [[...original.data].join(), mirrorOf(original).join()]
    const count = { same: 0, mirrored: 0, colours: 0, ground: 0 }
    const draws = 400
    for (let i = 0; i < draws; i++) {
      const altered = await alteredClip(store, 0, 2, FRAMES, new Random(7, `${i}`))
      expect([altered.width, altered.height, altered.count]).toEqual([SIDE, SIDE, FRAMES])
      const values = [...altered.data].join()
      if (values === same) count.same++
      else if (values === mirror) count.mirrored++
      // Exchanged channels keep their sums; the corner of this clip is see-through.
      else if (channelSums(altered).join() === channelSums(original).join()) count.colours++
      else {
        expect([...altered.data.subarray(0, 3)]).not.toEqual([255, 255, 255])
        count.ground++
      }
    }
    // Three times in four the ground stays, 19 times in 24 the colours.
    const kept = 0.75 * (19 / 24)
    const within = (share: number, expected: number) => {
      expect(Math.abs(share - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / draws))
    }
    within(count.same / draws, kept / 2)
    within(count.mirrored / draws, kept / 2)
    within(count.colours / draws, 0.75 - kept)
    within(count.ground / draws, 0.25)
  })

  it('follow from the random numbers alone', async () => {
    const draw = async (name: string) => (await alteredClip(store, 0, 0, FRAMES, new Random(1, name))).data
    expect(await draw('a')).toEqual(await draw('a'))
    const others = await Promise.all(['b', 'c', 'd', 'e', 'f'].map(draw))
    const first = await draw('a')
    expect(others.some((data) => data.some((value, i) => value !== first[i]))).toBe(true)
  })
})
