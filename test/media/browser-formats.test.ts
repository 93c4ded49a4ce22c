import sharp from 'sharp'
import { expect, it } from 'vitest'
import type { ClipContent } from '../../src/media/clip.js'
import { writePngChunks } from '../../src/media/encode/png-chunks.js'
import { encodeIndices, encodePixels } from '../../src/media/encode/png-pixels.js'
import { assembleWebp } from '../../src/media/encode/webp-animation.js'

it('PNGs of pixels decode to the same pixels', async () => {
  for (const channels of [3, 4] as const) {
    const pixels = Uint8Array.from({ length: 13 * 7 * channels }, (_, i) => (i * i * 31) % 256)
    const png = writePngChunks(encodePixels(13, 7, pixels))
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 13, height: 7, channels })
    expect(new Uint8Array(data)).toEqual(pixels)
  }
})

it('PNGs with a palette decode to its colours and opacities', async () => {
  const palette = [
    [255, 0, 0, 255],
    [0, 0, 255, 0],
    [9, 8, 7, 128],
  ]
  const indices = Uint8Array.from({ length: 15 }, (_, i) => i % 3)
  const data = await sharp(writePngChunks(encodeIndices(5, 3, indices, palette)))
    .raw()
    .toBuffer()
  expect([...data]).toEqual([...indices].flatMap((index) => palette[index]!))
})

it('an animated WebP of single ones has their pictures, times and words', async () => {
  const colours = ['#ff0000', '#00ff00', '#0000ff']
  const pictures = await Promise.all(
    colours.map((background) =>
      sharp({ create: { width: 16, height: 12, channels: 3, background } })
        .webp({ lossless: true })
        .toBuffer(),
    ),
  )
  const frames = { width: 16, height: 12, count: 3, data: new Uint8Array(16 * 12 * 9) }
  const clip: ClipContent = { frames, fps: 7, metadata: { seed: '5' } }
  const file = assembleWebp(clip, pictures)
  const image = sharp(file, { animated: true })
  const metadata = await image.metadata()
  expect(metadata).toMatchObject({ pages: 3, width: 16, pageHeight: 12, loop: 0, delay: [143, 143, 143] })
  expect(metadata.xmp?.toString()).toContain('&#34;seed&#34;'.replaceAll('&#34;', '"'))
  const raw = await image.removeAlpha().raw().toBuffer()
  expect([...raw.subarray(0, 3), ...raw.subarray(-3)]).toEqual([255, 0, 0, 0, 0, 255])
})
