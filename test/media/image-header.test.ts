import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { readImageHeader } from '../../src/media/image-header.js'

const picture = sharp({ create: { width: 33, height: 21, channels: 3, background: '#c33' } })
const made: Readonly<Record<string, () => Promise<Buffer>>> = {
  png: () => picture.clone().png().toBuffer(),
  jpeg: () => picture.clone().jpeg().toBuffer(),
  gif: () => picture.clone().gif().toBuffer(),
  webp: () => picture.clone().webp().toBuffer(),
}

describe.each(Object.entries(made))('%s', (format, make) => {
  it('is known by its bytes, with its size', async () => {
    expect(readImageHeader(await make(), 'a')).toEqual({ format, size: { width: 33, height: 21 } })
  })

  it('is refused when it was cut short, wherever', async () => {
    const bytes = await make()
    for (const share of [0.4, 0.7, 0.95]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share))
      expect(() => readImageHeader(cut, 'a.bin')).toThrow('cannot read a.bin: the picture is damaged or cut short')
    }
  })
})

it('knows the other kinds of WebP', async () => {
  const lossless = await picture.clone().webp({ lossless: true }).toBuffer()
  const withAlpha = await picture.clone().ensureAlpha(0.5).webp().toBuffer()
  for (const bytes of [lossless, withAlpha]) expect(readImageHeader(bytes, 'a').size).toEqual({ width: 33, height: 21 })
})

it.each([
  [
    'a drawing',
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    'SVG drawings',
  ],
  ['text', 'hello', 'it is not a picture'],
  ['nothing', '', 'it is empty'],
])('refuses %s', (_, text, message) => {
  expect(() => readImageHeader(new TextEncoder().encode(text), 'x')).toThrow(message)
})

it('refuses a picture of 30,000 pixels a side before anything decodes it', async () => {
  const bytes = await picture.clone().png().toBuffer()
  bytes.writeUInt32BE(30_000, 16)
  bytes.writeUInt32BE(30_000, 20)
  expect(() => readImageHeader(bytes, 'big.png')).toThrow(UserError)
  expect(() => readImageHeader(bytes, 'big.png')).toThrow('it has 30000 x 30000 pixels; scale it down')
})
