import { describe, expect, it } from 'vitest'
import { TORN_FRAMES, tornBlocks } from '../../src/evaluation/torn-blocks.js'
import type { Frames } from '../../src/media/frames.js'
import { Random } from '../../src/runtime/random.js'

const [SIDE, COUNT] = [32, 14]

/** A clip of frames that `colour` paints: red, green and blue of each place. */
function clip(colour: (frame: number, x: number, y: number) => readonly number[], count = COUNT): Frames {
  const data = new Uint8Array(count * SIDE * SIDE * 3)
  for (let i = 0; i < count * SIDE * SIDE; i++)
    data.set(colour(Math.floor(i / SIDE ** 2), i % SIDE, Math.floor(i / SIDE) % SIDE), 3 * i)
  return { width: SIDE, height: SIDE, count, data }
}

/** The definition, word for word: every shift, in floating point, no shortcut. */
function slowly({ data }: Frames, frame: number): number {
  const value = (at: number, x: number, y: number, c: number) => {
    const [inX, inY] = [Math.min(SIDE - 1, Math.max(0, x)), Math.min(SIDE - 1, Math.max(0, y))]
    return data[((at * SIDE + inY) * SIDE + inX) * 3 + c]! / 255
  }
  let torn = 0
  for (let top = 0; top < SIDE; top += 4)
    for (let left = 0; left < SIDE; left += 4) {
      let best = Infinity
      for (let dy = -14; dy <= 14; dy++)
        for (let dx = -14; dx <= 14; dx++) {
          let sum = 0
          for (let y = top; y < top + 4; y++)
            for (let x = left; x < left + 4; x++)
              for (let c = 0; c < 3; c++) sum += (value(frame - 1, x, y, c) - value(0, x + dx, y + dy, c)) ** 2
          best = Math.min(best, sum / 48)
        }
      if (best > 0.01) torn++
    }
  return torn / (SIDE / 4) ** 2
}

/** Patches of random colours, 3 pixels wide, so that hardly two blocks are alike. */
const patches = (seed: number) => {
  const values = Array.from(new Random(seed).normals(3 * 20 * 20), (n) => Math.min(255, Math.max(0, 128 + 60 * n)))
  return (x: number, y: number) => {
    const at = 3 * ((Math.floor(y / 3) % 20) * 20 + (Math.floor(x / 3) % 20))
    return values.slice(at, at + 3)
  }
}

describe('torn blocks', () => {
  it('are those that a slow search finds nowhere in the first frame', () => {
    const [still, other] = [patches(1), patches(2)]
    for (const share of [0.1, 0.25, 0.45]) {
      // More and more of another picture shines through, and all moves.
      const made = clip((frame, x, y) => {
        const own = still(x + 40 - frame, y + 20)
        const mixed = share * (frame / 13)
        return own.map((value, c) => (1 - mixed) * value + mixed * other(x, y)[c]!)
      })
      const shares = tornBlocks(made)
      expect(shares).toEqual(TORN_FRAMES.map((frame) => slowly(made, frame)))
      if (share === 0.25) expect(shares.some((torn) => torn > 0 && torn < 1)).toBe(true)
    }
  })

  it('are none where all moves within reach, and nearly all where it moves further', () => {
    const still = patches(3)
    // What comes in from the right is not in the first frame, so it stands there from the first on.
    const moving = (by: number) => clip((frame, x, y) => still(frame === 0 ? x : Math.max(0, x - by), y))
    expect(tornBlocks(moving(14))).toEqual([0, 0, 0])
    const far = clip((frame, x, y) => (frame === 0 ? still(x, y) : still(x + 60 - 15, y + 60 - 15).reverse()))
    expect(Math.min(...tornBlocks(far))).toBeGreaterThan(0.8)
  })

  it('repeat the edges of the first frame', () => {
    // A dark band at the right edge grows inward from beyond it.
    const growing = clip((frame, x) => Array<number>(3).fill(x >= SIDE - 1 - frame ? 20 : 240))
    expect(tornBlocks(growing)).toEqual([0, 0, 0])
  })

  it('count a grey that is a tenth off, but no less', () => {
    const grey = (level: number) => clip((frame) => Array<number>(3).fill(frame === 0 ? 100 : level))
    expect(tornBlocks(grey(125))).toEqual([0, 0, 0])
    expect(tornBlocks(grey(126))).toEqual([1, 1, 1])
  })

  it('are looked for in the last frame of a shorter clip', () => {
    const short = clip((frame) => Array<number>(3).fill(frame < 5 ? 0 : 255), 6)
    expect(tornBlocks(short)).toEqual([0, 1, 1])
  })
})
