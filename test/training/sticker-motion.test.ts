import { describe, expect, it } from 'vitest'
import { frameDifferences } from '../../src/data/motion.js'
import { Random } from '../../src/runtime/random.js'
import { stickerMotion } from '../../src/training/sticker-motion.js'

const SIDE = 24
const COUNT = 14
const [GROUND, INK] = [230, 20]

/** A dark square of 8 pixels in the middle of a light ground. */
function square() {
  const data = new Uint8Array(3 * SIDE * SIDE).fill(GROUND)
  for (let y = 8; y < 16; y++) data.fill(INK, 3 * (y * SIDE + 8), 3 * (y * SIDE + 16))
  return { width: SIDE, height: SIDE, count: 1, data }
}

const moved = (name: string) => stickerMotion(square(), COUNT, new Random(4, name))
const names = Array.from({ length: 100 }, (_, i) => `${i}`)

/** How dark each frame is, all in all, in squares of a pixel. */
function areas(data: Uint8Array): number[] {
  const size = 3 * SIDE * SIDE
  return Array.from({ length: COUNT }, (_, f) =>
    data.subarray(f * size, (f + 1) * size).reduce((sum, x) => sum + (GROUND - x) / (GROUND - INK) / 3, 0),
  )
}

describe('a still moved like a sticker', () => {
  it('begins as it is', () => {
    for (const name of names) expect(moved(name).data.subarray(0, 3 * SIDE * SIDE)).toEqual(square().data)
  })

  it('stays whole: turned and shifted it keeps its area, and grows by a quarter of its sides at most', () => {
    for (const name of names)
      for (const area of areas(moved(name).data)) {
        expect(area).toBeGreaterThan(64 * Math.exp(-0.4) - 2)
        expect(area).toBeLessThan(64 * Math.exp(0.4) + 2)
      }
    const still = names.filter((name) => areas(moved(name).data).every((area) => Math.abs(area - 64) < 1))
    expect(still.length).toBeGreaterThan(20)
  })

  it('moves in most draws and in some not at all', () => {
    const motion = names.map((name) => Math.max(...frameDifferences(moved(name))))
    const standing = motion.filter((difference) => difference === 0).length
    // All four motions are left out in 0.55^4 = 9 % of the draws.
    expect(standing).toBeGreaterThan(1)
    expect(standing).toBeLessThan(25)
  })

  it('follows from the random numbers alone', () => {
    expect(moved('a').data).toEqual(moved('a').data)
  })
})
