import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { readImage } from '../../src/media/image.node.js'
import { readImageHeader } from '../../src/media/image-header.js'
import { pictureOf, type PictureInput } from '../../src/media/picture-input.node.js'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { TINY } from '../pipeline/tiny.js'
import { newFolder } from './support.js'

const WIDTH = 12
const HEIGHT = 9
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 37) % 256)
let png: Uint8Array<ArrayBuffer>

beforeAll(async () => {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const }
  png = Uint8Array.from(await sharp(pixels, { raw }).png().toBuffer())
})

/** The message of the UserError that a promise is rejected with. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(UserError)
  return (error as UserError).message
}

describe('a picture is taken', () => {
  it.each<[string, (path: string) => PictureInput]>([
    ['as pixels', () => ({ width: WIDTH, height: HEIGHT, data: pixels })],
    ['as a path', (path) => path],
    ['as a file address', (path) => pathToFileURL(path)],
    ['as a Buffer', () => Buffer.from(png)],
    ['as a view into a larger buffer', () => new Uint8Array([1, ...png, 2]).subarray(1, png.length + 1)],
    ['as an ArrayBuffer', () => png.buffer],
    ['as a Blob', () => new Blob([png])],
    ['as a File', () => new File([png], 'cat.png')],
    ['as a stream of Node', (path) => Readable.from([readFileSync(path)])],
    ['as a stream of the web', () => new Blob([png]).stream()],
  ])('%s', async (_, make) => {
    const path = join(newFolder(), 'a #1 picture.png')
    writeFileSync(path, png)
    const { width, height, data } = await pictureOf(make(path))
    expect([width, height, Buffer.from(data).equals(pixels)]).toEqual([WIDTH, HEIGHT, true])
  })
})

describe('what is no picture is refused by name', () => {
  it.each<[unknown, RegExp]>([
    [undefined, /^the picture is nothing; give pixels, a path, or/],
    [7, /^the picture is a number; give pixels/],
    [new Map(), /^the picture is a Map; give pixels/],
    [new Date(), /^the picture is a Date; give/],
    [new Float32Array(12), /^the picture is a Float32Array; give/],
    [new URL('https://example.com/cat.png'), /it is an address; download the picture/],
    [new URL('file://host/cat.png'), /^cannot read file:.*; give the path/],
    [new File(['words'], 'notes.txt'), /^cannot read notes\.txt: it is not a picture/],
    [new ArrayBuffer(0), /it is empty \(0 bytes\)/],
    [Readable.from(['words']), /a stream of a string; give one of bytes/],
    [{ width: 8, height: 8, data: new Uint8ClampedArray(256) }, /has 256 bytes, as RGBA has; lay it on a colour/],
    [{ width: 8, height: 8, data: new Uint8Array(10) }, /of 8x8 pixels has 10 bytes; give 8-bit RGB, 192 bytes/],
    [{ width: 8, height: 8, data: new Float32Array(192) }, /a Float32Array as its data; give 8-bit RGB/],
    [{ width: 8.5, height: 8, data: new Uint8Array(192) }, /the width 8\.5; give a whole number/],
    [{ width: 8, height: -8, data: new Uint8Array(192) }, /the height -8; give a whole number/],
  ])('%s', async (value, message) => {
    expect(await refusal(pictureOf(value as PictureInput))).toMatch(message)
  })

  it('pixels of any wrong length, as a picture and as frames of a clip', async () => {
    const model = await ImageToVideo.fromPretrained(TINY, { threads: 1 })
    const sides = fc.integer({ min: 8, max: 16 })
    await fc.assert(
      fc.asyncProperty(sides, sides, fc.integer({ min: 0, max: 2000 }), async (width, height, length) => {
        fc.pre(length !== width * height * 3)
        const bad = { width, height, data: new Uint8Array(length) }
        const good = { ...bad, data: new Uint8Array(width * height * 3) }
        expect(await refusal(model.animate(bad))).toMatch(
          new RegExp(`of ${width}x${height} pixels has ${length} bytes`),
        )
        const clip = { frames: { ...good, count: 1 }, fps: 7 }
        expect(await refusal(model.edit(clip, bad))).toMatch(/bytes/)
        expect(await refusal(model.edit({ frames: { ...bad, count: 1 }, fps: 7 }, good))).toMatch(
          /the clip of .* bytes/,
        )
      }),
      { numRuns: 20 },
    )
    const frames = { width: 8, height: 8, data: new Uint8Array(192) }
    const given = (clip: unknown) => refusal(model.edit(clip as string, frames))
    expect(await given(undefined)).toMatch(/^the clip is nothing; give its frames and fps/)
    expect(await given(new Uint8Array(5))).toMatch(/^the clip is a Uint8Array; give/)
    expect(await given({ frames, fps: 7 })).toMatch(/^the clip has the count undefined; give a whole number/)
    await model.dispose()
  })
})

/** An `ftyp` box of a major brand and compatible ones. */
function fileType(...brands: string[]): Buffer {
  const box = Buffer.alloc(8 + 4 * (brands.length + 1))
  box.writeUInt32BE(box.length)
  box.write('ftyp', 4)
  brands.forEach((brand, index) => box.write(brand, index === 0 ? 8 : 12 + 4 * index, 'latin1'))
  return Buffer.concat([box, Buffer.alloc(64)])
}

/** A bitmap of one red pixel. */
const bmp = Buffer.from(`424d3a0000000000000036000000280000000100000001000000010018${'00'.repeat(25)}0000ff00`, 'hex')

describe('a file that is no picture of ours is told by what it is', () => {
  it.each<[RegExp, Uint8Array]>([
    [/it is a HEIC picture/, fileType('heic', 'mif1')],
    [/it is a HEIC picture/, fileType('mif1', 'heix')],
    [/it is a HEIC picture/, fileType('msf1', 'hevc')],
    [/it is a HEIC picture/, fileType('mif1')],
    [/damaged or cut short|not a picture/, fileType('mif1', 'avif')],
    [/it is a video/, fileType('isom', 'mp41')],
    [/it is a video/, fileType('qt  ')],
    [/it is a video/, Buffer.from('1a45dfa3', 'hex')],
    [/it is a BMP picture/, bmp],
    [/it is an ICO icon/, Buffer.from('00000100010010100000', 'hex')],
    [/it is a PSD drawing/, Buffer.from('8BPS\0\x01', 'latin1')],
    [/it is a JPEG XL picture/, Buffer.from('ff0a7f00', 'hex')],
    [/it is a JPEG XL picture/, Buffer.from('0000000c4a584c200d0a870a', 'hex')],
    [/it is a JPEG 2000 picture/, Buffer.from('0000000c6a5020200d0a870a', 'hex')],
    [/it is an OpenEXR picture/, Buffer.from('762f310102000000', 'hex')],
    [/it is a PDF document/, Buffer.from('%PDF-1.7')],
    [/it is an archive/, Buffer.from('PK\x03\x04', 'latin1')],
    [/it is a web page/, Buffer.from('<!DOCTYPE html><title>404</title>')],
    [/git lfs pull/, Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0')],
    [/it is not a picture/, Buffer.from('BMW and other words of a letter')],
  ])('%s', async (message, bytes) => {
    expect(await refusal(readImage(bytes, 'pic.png'))).toMatch(message)
    // The browser says the same; of an AVIF it is only there that the decoder speaks.
    if (message.source.includes('damaged')) expect(readImageHeader(bytes, 'pic.png').format).toBe('avif')
    else expect(() => readImageHeader(bytes, 'pic.png')).toThrow(message)
  })
})

/** A JPEG in which decoders only warn of something: each line changes its bytes. */
const warnings: readonly (readonly [string, (jpeg: Buffer) => Buffer])[] = [
  // Spectral selection ends at 0 where a sequential scan ends at 63, as cameras of Samsung write it.
  ['a scan that ends at 0', (jpeg) => withByte(jpeg, jpeg.indexOf(Buffer.from('ffda', 'hex')) + 12, 0)],
  ['bytes between segments', (jpeg) => insert(jpeg, jpeg.indexOf(Buffer.from('ffdb', 'hex')), Buffer.from([0, 0, 0]))],
]

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = value
  return changed
}

function insert(bytes: Buffer, at: number, more: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])
}

describe('a picture of which decoders only warn is read', () => {
  it.each(warnings)('%s', async (_, change) => {
    const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: '#c06020' } })
      .jpeg({ quality: 95 })
      .toBuffer()
    const changed = change(jpeg)
    await expect(sharp(changed, { failOn: 'warning' }).raw().toBuffer()).rejects.toThrow()
    const { width, height, data } = await readImage(changed)
    expect([width, height]).toEqual([32, 24])
    for (const [c, value] of [0xc0, 0x60, 0x20].entries()) expect(Math.abs(data[c]! - value)).toBeLessThan(4)
  })
})
