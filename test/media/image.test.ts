import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { readPngChunks, writePngChunks, type PngChunk } from '../../src/media/encode/png-chunks.js'
import { readImage } from '../../src/media/image.node.js'
import { fixturePath } from '../support/fixture.js'
import { emojiFrames, newFolder } from './support.js'

/** A picture of one colour, of 16 x 8 pixels unless told. */
function plain(background: string, width = 16, height = 8): Sharp {
  return sharp({ create: { width, height, channels: 4, background } })
}

/** A picture whose upper half is red and whose lower half is blue, 16 wide and 32 high. */
function redOverBlue(): Sharp {
  return plain('#0000ff', 16, 32).composite([{ input: { create: redHalf }, left: 0, top: 0 }])
}

const redHalf = { width: 16, height: 16, channels: 4 as const, background: '#ff0000' }

function pixel(picture: { width: number; data: Uint8Array }, x: number, y: number): number[] {
  const at = (y * picture.width + x) * 3
  return Array.from(picture.data.subarray(at, at + 3))
}

/** A PNG whose header claims another size than its pixels have. */
async function claiming(width: number, height: number): Promise<Uint8Array> {
  const [header, ...rest] = readPngChunks(await plain('red').png().toBuffer())
  const view = new DataView(Uint8Array.from((header as PngChunk).data).buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  return writePngChunks([{ type: 'IHDR', data: new Uint8Array(view.buffer) }, ...rest])
}

async function messageOf(source: string | Uint8Array, name?: string): Promise<string> {
  const error: unknown = await readImage(source, name).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(UserError)
  const { message } = error as UserError
  expect(message).not.toMatch(/vips|sharp|Input |node:|\n| at .*:\d+/)
  return message
}

describe('readImage', () => {
  it('reads every pixel of a PNG, from its path or its bytes', async () => {
    const { width, height, data } = await emojiFrames('fox', 40, 24, 1)
    const png = await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer()
    const path = join(newFolder(), 'fox.png')
    writeFileSync(path, png)
    expect(await readImage(path)).toEqual({ width, height, data })
    expect(await readImage(png)).toEqual({ width, height, data })
  })

  it('turns a picture upright as its EXIF orientation says', async () => {
    const jpeg = await redOverBlue().flatten().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer()
    const picture = await readImage(jpeg)
    expect([picture.width, picture.height]).toEqual([32, 16])
    // Orientation 6 is turned clockwise to be shown: what was on top is at the right.
    expect(pixel(picture, 28, 8)[0]).toBeGreaterThan(240)
    expect(pixel(picture, 4, 8)[2]).toBeGreaterThan(240)
  })

  it('lays transparent pixels onto white', async () => {
    expect(pixel(await readImage(await plain('#00000000').png().toBuffer()), 3, 3)).toEqual([255, 255, 255])
    const half = pixel(await readImage(await plain('#ff000080').png().toBuffer()), 3, 3)
    expect(half[0]).toBe(255)
    expect(Math.abs((half[1] ?? 0) - 127)).toBeLessThanOrEqual(1)
  })

  it('takes the first frame of an animation', async () => {
    const file = fixturePath('clips/fire.webp')
    const first = await sharp(file, { page: 0 }).flatten({ background: '#ffffff' }).raw().toBuffer()
    const picture = await readImage(file)
    expect([picture.width, picture.height]).toEqual([256, 256])
    expect(first.equals(picture.data)).toBe(true)
  })

  it.each<[string, number, () => Sharp]>([
    ['grey', 1, () => plain('#969696').toColourspace('b-w').png()],
    ['grey with transparency, 16 bits', 1, () => plain('#969696').toColourspace('grey16').png()],
    ['colour, 16 bits', 1, () => plain('#969696').toColourspace('rgb16').png()],
    ['palette', 1, () => plain('#969696').png({ palette: true })],
    // Ink and back, through a printer's profile and JPEG.
    ['CMYK', 20, () => plain('#969696').flatten().toColourspace('cmyk').jpeg({ quality: 100 })],
  ])('reads %s as 8-bit RGB', async (_, tolerance, make) => {
    const picture = await readImage(await make().toBuffer())
    expect([picture.width, picture.height, picture.data.length]).toEqual([16, 8, 16 * 8 * 3])
    for (const value of pixel(picture, 5, 5)) expect(Math.abs(value - 150)).toBeLessThanOrEqual(tolerance)
  })

  it('names what is wrong with a path in one sentence', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'album'))
    writeFileSync(join(folder, 'empty.png'), '')
    expect(await messageOf(join(folder, 'none.png'))).toMatch(/none\.png: there is no such file; check the path/)
    expect(await messageOf(join(folder, 'empty.png', 'x.png'))).toMatch(/a part of the path is a file/)
    expect(await messageOf(join(folder, 'album'))).toMatch(/album: it is a folder; give one picture in it/)
    expect(await messageOf(join(folder, 'empty.png'))).toMatch(/empty\.png: it is empty \(0 bytes\)/)
    expect(await messageOf('/dev/null')).toMatch(/it is not a regular file/)
    expect(await messageOf('https://example.com/cat.png')).toMatch(/it is an address; download the picture/)
  })

  it('names what is wrong with the bytes in one sentence', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')
    const png = await sharp(readFileSync(fixturePath('clips/fox.webp')))
      .png()
      .toBuffer()
    expect(await messageOf(Buffer.from('a letter, not a picture'), 'a.txt')).toMatch(
      /^cannot read a\.txt: it is not a pic/,
    )
    expect(await messageOf(svg)).toMatch(/SVG drawings are not read; export it as PNG/)
    expect(await messageOf(Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'))).toMatch(
      /HEIC picture; export it as JPEG/,
    )
    expect(await messageOf(png.subarray(0, png.length / 2))).toMatch(/damaged or cut short/)
  })

  it('refuses pictures that are too small or too large before decoding them', async () => {
    expect(await messageOf(await plain('red', 1, 1).png().toBuffer())).toMatch(
      /it has 1 x 1 pixels; give one with sides/,
    )
    // The pixels of these are of another size, so that decoding would say that they are damaged.
    expect(await messageOf(await claiming(20_000, 8))).toMatch(
      /20000 x 8 pixels; scale it down to at most 16384 a side/,
    )
    expect(await messageOf(await claiming(8, 20_000))).toMatch(/8 x 20000 pixels; scale it down/)
    expect(await messageOf(await claiming(8001, 8000))).toMatch(/8001 x 8000 pixels; scale it down to .* 64 megapixels/)
    expect(await messageOf(await claiming(8000, 8000))).toMatch(/damaged or cut short/)
  })

  it('reads the smallest picture it accepts', async () => {
    expect((await readImage(await plain('red', 8, 8).png().toBuffer())).data.length).toBe(8 * 8 * 3)
  })
})

describe('the opacity of a picture', () => {
  // Half transparent at the left, clear at the right, of a green of its own.
  const rgba = Uint8Array.from(
    { length: 16 * 8 * 4 },
    (_, i) => [10, 200, 30, Math.floor(i / 4) % 16 < 8 ? 128 : 0][i % 4]!,
  )
  const image = () => sharp(rgba, { raw: { width: 16, height: 8, channels: 4 } })

  it.each<[string, () => Promise<Buffer>]>([
    ['PNG', () => image().png().toBuffer()],
    ['WebP', () => image().webp({ lossless: true, exact: true }).toBuffer()],
    ['16-bit PNG', () => image().toColourspace('rgb16').png().toBuffer()],
    ['TIFF', () => image().tiff({ compression: 'lzw' }).toBuffer()],
  ])('is read beside its pixels on white: %s', async (_, encode) => {
    const { alpha, data } = await readImage(await encode())
    expect(alpha).toHaveLength(16 * 8)
    expect([alpha![0], alpha![15]]).toEqual([128, 0])
    expect(Math.abs(data[0]! - (10 * 128 + 255 * 127) / 255)).toBeLessThanOrEqual(1)
    expect(pixel({ width: 16, data }, 15, 7)).toEqual([255, 255, 255])
  })

  it('turns with the picture', async () => {
    const turned = await image().withMetadata({ orientation: 6 }).png().toBuffer()
    const { width, height, alpha } = await readImage(turned)
    expect([width, height, alpha![0], alpha!.at(-1)]).toEqual([8, 16, 128, 0])
  })

  it('is left out where all is opaque', async () => {
    expect(await readImage(await plain('red').png().toBuffer())).not.toHaveProperty('alpha')
  })
})
