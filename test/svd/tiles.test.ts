import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { readImage } from '../../src/media/image.node.js'
import { fitPicture } from '../../src/pipeline/fit.js'
import { Model } from '../../src/svd/model.js'
import { vaeInput } from '../../src/svd/preprocess.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { blendWeights, decodeTiled, tileStarts } from '../../src/svd/tiles.js'

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

describe("the bundled model's decoder in tiles", () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))

  it('draws nearly the picture that it draws as a whole: above 40 dB, and not the very same', async () => {
    const [side, tile] = [16, { height: 12, width: 12 }]
    const model = new Model(await openModelFolder(`${root}models/fluent-1`), nodeEngine({ threads: 1 }))
    const pixels = side * model.vaeConfig.factor
    const fitted = fitPicture(await readImage(`${root}examples/balloon.png`), pixels, pixels, 'cover')
    const encoder = await model.vaeEncoder(pixels, pixels).open()
    const { latents } = await encoder.run({ picture: vaeInput(fitted, { height: pixels, width: pixels }) })
    const decoderOf = async (height: number, width: number) => {
      const program = await model.vaeDecoder(1, height, width).open()
      return async (part: Float32Array) => (await program.run({ latents: part }))['frames']!
    }
    const whole = await (await decoderOf(side, side))(latents!)
    const decode = await decodeTiled(
      latents!,
      1,
      { height: side, width: side },
      tile,
      model.vaeConfig.factor,
      await decoderOf(tile.height, tile.width),
    )
    const square = decode.reduce((sum, value, i) => sum + (value - whole[i]!) ** 2, 0) / whole.length
    // Of pixels in [-1, 1]: peak 2.
    const psnr = 10 * Math.log10(4 / square)
    expect(psnr).toBeGreaterThan(40)
    expect(psnr).toBeLessThan(80)
  })
})
