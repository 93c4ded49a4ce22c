import { describe, expect, it } from 'vitest'
import type { Picture } from '../../src/media/frames.js'
import { fitPicture } from '../../src/pipeline/fit.js'

/** A picture whose red is the column and whose green is the row. */
function numbered(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data.set([i % width, Math.floor(i / width), 0], i * 3)
  return { width, height, data }
}

const columns = ({ width, data }: Picture) => Array.from({ length: width }, (_, x) => data[x * 3])
const rows = ({ width, height, data }: Picture) => Array.from({ length: height }, (_, y) => data[y * width * 3 + 1])

describe('fitPicture', () => {
  it('covers with the middle of the picture', () => {
    expect(columns(fitPicture(numbered(8, 4), 64, 64, 'cover'))).toEqual([2, 3, 4, 5])
    expect(rows(fitPicture(numbered(4, 8), 64, 64, 'cover'))).toEqual([2, 3, 4, 5])
    expect(rows(fitPicture(numbered(8, 8), 128, 64, 'cover'))).toEqual([2, 3, 4, 5])
  })

  it('contains the whole picture on white', () => {
    const tall = fitPicture(numbered(8, 4), 64, 64, 'contain')
    expect([tall.width, tall.height]).toEqual([8, 8])
    expect(rows(tall)).toEqual([255, 255, 0, 1, 2, 3, 255, 255])
    expect(columns(fitPicture(numbered(4, 8), 64, 64, 'contain'))).toEqual([255, 255, 0, 1, 2, 3, 255, 255])
    expect(Array.from(tall.data.subarray(2 * 24, 3 * 24))).toEqual(Array.from(numbered(8, 4).data.subarray(0, 24)))
  })

  it('leaves the picture alone where it fits or is to be stretched', () => {
    const picture = numbered(8, 4)
    expect(fitPicture(picture, 64, 64, 'stretch')).toBe(picture)
    expect(fitPicture(picture, 128, 64, 'cover')).toBe(picture)
  })

  it.each([
    [16_384, 8, 64, 64],
    [8, 16_384, 64, 64],
    [16_384, 8, 1024, 64],
    [16_384, 8, 64, 16_384],
  ])('contains %i x %i in %i x %i on a canvas of bounded size', (width, height, toWidth, toHeight) => {
    const canvas = fitPicture(numbered(width, height), toWidth, toHeight, 'contain')
    expect(canvas.width * canvas.height).toBeLessThanOrEqual(2 ** 24)
    // The shape is right to a pixel, and a line across the strip meets white, picture, white.
    expect(Math.abs(canvas.width * toHeight - canvas.height * toWidth)).toBeLessThanOrEqual(Math.max(toWidth, toHeight))
    const across = width > height ? rows(canvas) : columns(canvas)
    expect([across[0], across.at(-1)]).toEqual([255, 255])
    expect(across.some((value) => value! < 255)).toBe(true)
  })

  it('keeps at least a pixel of an extreme picture', () => {
    const strip = fitPicture(numbered(200, 1), 8, 1024, 'cover')
    expect([strip.width, strip.height]).toEqual([1, 1])
  })
})
