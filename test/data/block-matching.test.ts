import { describe, expect, it } from 'vitest'
import { BlockMatcher } from '../../src/data/block-matching.js'
import { designedMotion } from '../../src/data/designed-motion.js'
import type { RgbaFrames } from '../../src/media/frames.js'
import { Random } from '../../src/runtime/random.js'

const SIDE = 128
const GREYS = Array.from(new Random(9).normals(32 * 32 * 8), (n) => Math.min(255, Math.max(0, 128 + 60 * n)))

/** Frames whose colours and opacity a function of the frame and place gives, premultiplied. */
function clip(count: number, colour: (frame: number, x: number, y: number) => readonly number[]): RgbaFrames {
  const data = new Uint8Array(count * SIDE * SIDE * 4)
  for (let i = 0; i < count * SIDE * SIDE; i++)
    data.set(colour(Math.floor(i / SIDE ** 2), i % SIDE, Math.floor(i / SIDE) % SIDE), 4 * i)
  return { width: SIDE, height: SIDE, count, data }
}

/** Random greys 8 pixels apart, smooth in between. */
function pattern(x: number, y: number, seed = 0): number {
  const grid = (column: number, row: number) => GREYS[(((row & 31) * 32 + (column & 31)) * 8 + seed) % GREYS.length]!
  const [column, row] = [Math.floor(x / 8), Math.floor(y / 8)]
  const [u, v] = [x / 8 - column, y / 8 - row].map((part) => part * part * (3 - 2 * part)) as [number, number]
  const above = grid(column, row) * (1 - u) + grid(column + 1, row) * u
  const below = grid(column, row + 1) * (1 - u) + grid(column + 1, row + 1) * u
  return above * (1 - v) + below * v
}

/** A round figure with a pattern and a soft edge. */
const figure = (x: number, y: number): number[] => {
  const opacity = Math.min(1, Math.max(0, 46.5 - Math.hypot(x - 63.5, y - 63.5)))
  return [...[0, 1, 2].map((seed) => opacity * pattern(x, y, seed)), 255 * opacity]
}

describe('block matching', () => {
  it('finds a shift to a fraction of a pixel, wherever there is something', () => {
    const shifts = [
      [3, -2],
      [-17, 9],
      [5.5, 0.25],
      [0, 0],
    ] as const
    const frames = clip(1 + shifts.length, (frame, x, y) => {
      const [dx, dy] = frame === 0 ? [0, 0] : shifts[frame - 1]!
      return figure(x - dx, y - dy)
    })
    const matcher = new BlockMatcher(frames)
    shifts.forEach(([dx, dy], i) => {
      const { flow, reliable } = matcher.match(i + 1)
      expect(reliable.reduce((sum, good) => sum + good, 0)).toBeGreaterThan(12)
      const errors = [...reliable.keys()]
        .filter((cell) => reliable[cell])
        .map((cell) => Math.hypot(flow[cell]! - dx, flow[64 + cell]! - dy))
        .sort((a, b) => a - b)
      expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.05)
      expect(errors.at(-1)).toBeLessThan(0.7)
      // The corners are clear.
      expect([0, 7, 56, 63].map((cell) => reliable[cell])).toEqual([0, 0, 0, 0])
    })
  })

  it('relies on nothing without texture, on stripes or where the picture changed', () => {
    const count = (colour: (frame: number, x: number, y: number) => readonly number[]) =>
      new BlockMatcher(clip(2, colour)).match(1).reliable.reduce((sum, good) => sum + good, 0)
    const grey = (value: number) => [value, value, value, 255]
    expect(count(() => grey(90))).toBe(0)
    // Stripes may have moved along themselves, or by a whole stripe.
    expect(count((frame, x) => grey((x + frame) % 40 < 20 ? 200 : 60))).toBe(0)
    expect(count((frame, x, y) => grey((x + frame) % 16 < 8 === y % 16 < 8 ? 200 : 60))).toBe(0)
    expect(count((frame, x, y) => grey(pattern(x, y, 3 * frame)))).toBeLessThan(4)
    expect(count((_, x, y) => grey(pattern(x, y)))).toBeGreaterThan(30)
  })

  it('tells the motion of figures that turn, bend, grow and pass others', () => {
    const still = clip(1, (_, x, y) => figure(x, y))
    const companion = clip(1, (_, x, y) => figure(y, 127 - x))
    const errors: number[] = []
    let solid = 0
    for (let draw = 0; draw < 24; draw++) {
      const { frames, flow, seen } = designedMotion(still, 6, 6, new Random(2, draw), { companion, scene: true })
      const matcher = new BlockMatcher(frames)
      for (let frame = 1; frame < 6; frame++) {
        const found = matcher.match(frame)
        for (let cell = 0; cell < 64; cell++) {
          solid += seen[cell]!
          if (!found.reliable[cell]) continue
          const [dx, dy] = [flow[frame * 128 + cell]!, flow[frame * 128 + 64 + cell]!]
          errors.push(Math.hypot(found.flow[cell]! - dx, found.flow[64 + cell]! - dy))
        }
      }
    }
    errors.sort((a, b) => a - b)
    expect(errors.length / solid).toBeGreaterThan(0.3)
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.15)
    expect(errors[Math.floor(errors.length * 0.95)]).toBeLessThan(2)
  })
})
