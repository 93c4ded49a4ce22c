import { describe, expect, it } from 'vitest'
import { differenceOf, flickerOf, motionOf, psnr } from '../../src/evaluation/clip-metrics.js'
import type { Frames } from '../../src/media/frames.js'

/** A clip of 4 x 2 pixels whose frame t is all of one grey. */
function greys(...values: number[]): Frames {
  const data = new Uint8Array(values.flatMap((value) => Array<number>(24).fill(value)))
  return { width: 4, height: 2, count: values.length, data }
}

describe('psnr', () => {
  it('is 20 log10(255 / error) for a uniform error, and 60 at most', () => {
    expect(psnr(greys(100).data, greys(105).data)).toBeCloseTo(20 * Math.log10(51), 9)
    expect(psnr(greys(100).data, greys(100).data)).toBe(60)
  })
})

describe('motion and flicker', () => {
  it('tell an even change from one that comes and goes', () => {
    const even = greys(0, 51, 102, 153)
    expect(motionOf(even)).toBeCloseTo(0.2, 9)
    expect(flickerOf(even)).toBe(0)
    const flashing = greys(0, 51, 0, 51)
    expect(motionOf(flashing)).toBeCloseTo(0.2, 9)
    expect(flickerOf(flashing)).toBeCloseTo(0.2, 9)
  })

  it('are zero for a still, and for fewer frames than they need', () => {
    expect([motionOf(greys(7, 7, 7)), flickerOf(greys(7, 7, 7))]).toEqual([0, 0])
    expect([motionOf(greys(7)), flickerOf(greys(7, 9))]).toEqual([0, 0])
  })
})

describe('differenceOf', () => {
  it('is the mean over all frames', () => {
    expect(differenceOf(greys(0, 0), greys(51, 0))).toBeCloseTo(0.1, 9)
  })
})
