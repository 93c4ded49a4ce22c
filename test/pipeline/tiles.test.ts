import { describe, expect, it } from 'vitest'
import { blendWeights, decodeTiled, tileStarts } from '../../src/pipeline/tiles.js'

describe('tiles', () => {
  it.each([
    [8, 8],
    [10, 8],
    [72, 32],
    [128, 48],
    [17, 16],
  ])('cover %i with tiles of %i that overlap by a quarter, and their weights sum to 1', (length, tile) => {
    const starts = tileStarts(length, tile)
    expect(starts[0]).toBe(0)
    expect(starts.at(-1)! + tile).toBe(length)
    starts.slice(1).forEach((start, i) => expect(starts[i]! + tile - start).toBeGreaterThanOrEqual(tile / 4))
    const total = new Float32Array(length)
    blendWeights(starts, tile, length).forEach((weights, t) =>
      weights.forEach((weight, i) => (total[starts[t]! + i]! += weight)),
    )
    total.forEach((sum) => expect(sum).toBeCloseTo(1, 5))
  })

  it('put together what a decoder makes of each pixel by itself', async () => {
    const [frames, channels, height, width, factor] = [2, 3, 9, 14, 2]
    const latents = Float32Array.from({ length: frames * channels * height * width }, (_, i) => Math.sin(i))
    const upsample = (part: Float32Array, h: number, w: number) => {
      const out = new Float32Array(part.length * factor * factor)
      for (let i = 0; i < out.length; i++) {
        const x = i % (w * factor)
        const y = Math.floor(i / (w * factor)) % (h * factor)
        const plane = Math.floor(i / (w * factor * h * factor))
        out[i] = part[(plane * h + Math.floor(y / factor)) * w + Math.floor(x / factor)]!
      }
      return Promise.resolve(out)
    }
    const tile = { height: 4, width: 6 }
    const tiled = await decodeTiled(latents, frames, { height, width }, tile, factor, (part) =>
      upsample(part, tile.height, tile.width),
    )
    const whole = await upsample(latents, height, width)
    tiled.forEach((value, i) => expect(value).toBeCloseTo(whole[i]!, 5))
  })
})
