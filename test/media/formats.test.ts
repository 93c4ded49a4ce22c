import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { Clip } from '../../src/media/clip.node.js'
import { frameAt } from '../../src/media/frames.js'
import { emojiClip, METADATA, newFolder, psnr, readAnimation } from './support.js'

const require = createRequire(import.meta.url)
/** An animated PNG reader that shares nothing with the product; it comes without types. */
const upng = require('upng-js') as {
  decode(file: ArrayBuffer): { width: number; height: number; frames: { delay: number }[]; tabs: ApngTabs }
  toRGBA8(image: object): ArrayBuffer[]
}

interface ApngTabs {
  acTL: { num_frames: number; num_plays: number }
  tEXt: Record<string, string>
}

let fox: Clip
let fire: Clip

beforeAll(async () => {
  fox = await emojiClip('fox', 128, 128)
  fire = await emojiClip('fire', 67, 45)
})

/** Saves a clip as `clip.EXTENSION` in a new folder and reads the file back. */
async function saved(clip: Clip, extension: string): Promise<Uint8Array> {
  const path = join(newFolder(), `clip.${extension}`)
  expect(await clip.save(path)).toEqual([path])
  return new Uint8Array(readFileSync(path))
}

function rgbOf(rgba: ArrayBuffer): Uint8Array {
  return new Uint8Array(rgba).filter((_, index) => index % 4 !== 3)
}

/** The comment extension of a GIF (GIF89a, 24), which is the last to begin with these two bytes. */
function gifComment(gif: Uint8Array): string {
  const file = Buffer.from(gif)
  let at = file.lastIndexOf(Buffer.from([0x21, 0xfe])) + 2
  let text = ''
  for (let length = file[at] ?? 0; length > 0; length = file[at] ?? 0) {
    text += file.toString('latin1', at + 1, at + 1 + length)
    at += 1 + length
  }
  return text
}

describe('WebP', () => {
  it('brings back the frames, the times, the endless loop and the metadata', async () => {
    for (const clip of [fox, fire]) {
      const file = await saved(clip, 'webp')
      const frames = await readAnimation(file)
      expect(frames).toMatchObject({ width: clip.frames.width, height: clip.frames.height, count: 14 })
      expect(psnr(frames.data, clip.frames.data)).toBeGreaterThan(35)
      const { delay, loop, xmpAsString = '' } = await sharp(file).metadata()
      expect(loop).toBe(0)
      expect(delay?.slice(0, 4)).toEqual([143, 143, 143, 142])
      expect(delay?.reduce((sum, ms) => sum + ms)).toBe(2000)
      const text = /<rdf:li[^>]*>(.*?)<\/rdf:li>/.exec(xmpAsString)?.[1] ?? ''
      const plain = text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
      expect(JSON.parse(plain)).toEqual(METADATA)
    }
  })
})

/** The durations that stand in a WebP, in milliseconds: bytes 12 to 14 of each frame (RFC 9649, 2.7.1.2). */
function webpDurations(file: Uint8Array): number[] {
  const bytes = Buffer.from(file)
  const durations: number[] = []
  for (let at = 12; at + 8 <= bytes.length; at += 8 + bytes.readUInt32LE(at + 4) + (bytes.readUInt32LE(at + 4) % 2))
    if (bytes.toString('latin1', at, at + 4) === 'ANMF') durations.push(bytes.readUIntLE(at + 20, 3))
  return durations
}

describe('the times of a WebP', () => {
  it('are those of the clip at every rate', async () => {
    for (const fps of [0.1, 1, 7, 24, 95, 96, 99, 100, 101, 110, 120, 240]) {
      const durations = webpDurations(await saved(new Clip({ ...fire, fps }), 'webp'))
      expect(durations.reduce((sum, each) => sum + each)).toBe(Math.round(14_000 / fps))
      for (const duration of durations) expect(Math.abs(duration - 1000 / fps)).toBeLessThanOrEqual(1)
    }
  })

  it('are right where frames are alike, which the encoder makes one of', async () => {
    const { width, height } = fire.frames
    const data = new Uint8Array(fire.frames.data.length).fill(90)
    data.fill(200, 3 * width * height * 10)
    const still = new Clip({ frames: { width, height, count: 14, data }, fps: 120, metadata: {} })
    expect(webpDurations(await saved(still, 'webp')).reduce((sum, each) => sum + each)).toBe(117)
  })
})

describe('GIF', () => {
  it('brings back the frames, the times, the endless loop and the metadata', async () => {
    for (const clip of [fox, fire]) {
      const file = await saved(clip, 'gif')
      const frames = await readAnimation(file)
      expect(frames).toMatchObject({ width: clip.frames.width, height: clip.frames.height, count: 14 })
      expect(psnr(frames.data, clip.frames.data)).toBeGreaterThan(40)
      const { delay, loop } = await sharp(file).metadata()
      expect(loop).toBe(0)
      expect(delay?.slice(0, 4)).toEqual([140, 150, 140, 140])
      expect(delay?.reduce((sum, ms) => sum + ms)).toBe(2000)
      expect(JSON.parse(gifComment(file))).toEqual(METADATA)
    }
  })

  it('keeps a white background white in every frame', async () => {
    const frames = await readAnimation(await saved(fox, 'gif'))
    for (let index = 0; index < frames.count; index++) {
      expect([...frameAt(frames, index).data.subarray(0, 3 * 16)]).toEqual(Array(48).fill(255))
    }
  })

  it('never asks for less than 20 ms, which browsers would show as 100, and takes as long nonetheless', async () => {
    for (const fps of [120, 100, 90, 60, 51, 50]) {
      const { delay = [] } = await sharp(await saved(new Clip({ ...fire, fps }), 'gif')).metadata()
      expect(Math.min(...delay)).toBeGreaterThanOrEqual(20)
      const total = delay.reduce((sum, each) => sum + each)
      expect(Math.abs(total - 14_000 / fps)).toBeLessThanOrEqual(20)
    }
    const last = await readAnimation(await saved(new Clip({ ...fire, fps: 100 }), 'gif'))
    expect(psnr(frameAt(last, 6).data, frameAt(fire.frames, 12).data)).toBeGreaterThan(38)
  })
})

describe('APNG', () => {
  it('brings back every pixel, the times, the endless loop and the metadata', async () => {
    for (const clip of [fox, fire]) {
      const file = await saved(clip, 'apng')
      const image = upng.decode(file.buffer as ArrayBuffer)
      expect([image.width, image.height]).toEqual([clip.frames.width, clip.frames.height])
      expect(image.tabs.acTL).toEqual({ num_frames: 14, num_plays: 0 })
      expect(image.frames.map(({ delay }) => delay)).toEqual(Array(14).fill(143))
      expect(JSON.parse(image.tabs.tEXt['Comment'] ?? '')).toEqual(METADATA)
      upng.toRGBA8(image).forEach((rgba, index) => {
        expect(psnr(rgbOf(rgba), frameAt(clip.frames, index).data)).toBe(Infinity)
      })
    }
  })

  it('shows its first frame to readers of still PNGs, who also hold its checksums against its bytes', async () => {
    const { data } = await sharp(await saved(fox, 'apng'), { failOn: 'warning' })
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(psnr(data, frameAt(fox.frames, 0).data)).toBe(Infinity)
  })
})

describe('PNG frames', () => {
  it('bring back every pixel and the metadata', async () => {
    const files = await fire.save(join(newFolder(), 'fire.png'))
    expect(files).toHaveLength(14)
    for (const [index, file] of files.entries()) {
      expect(psnr(await sharp(file).raw().toBuffer(), frameAt(fire.frames, index).data)).toBe(Infinity)
      const { comments, channels } = await sharp(file).metadata()
      expect(channels).toBe(3)
      expect(comments).toEqual([{ keyword: 'Comment', text: JSON.stringify(METADATA).replace(/[^ -~]/g, escaped) }])
    }
  })
})

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
