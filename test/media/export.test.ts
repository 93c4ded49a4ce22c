import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import { BufferSource, Input, WEBM } from 'mediabunny'
import sharp from 'sharp'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { UserError } from '../../src/errors.js'
import { Clip } from '../../src/media/clip.node.js'
import { decodeClip } from '../../src/media/decode.node.js'
import type { ExportFormat } from '../../src/media/export-settings.js'
import { emojiClip, newFolder } from './support.js'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const [WIDTH, HEIGHT, COUNT] = [32, 24, 3]
const PIXELS = WIDTH * HEIGHT
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

/** A red disc with a soft edge, further right in each frame: on white, and its opacity. */
function disc(): { data: Uint8Array; alpha: Uint8Array } {
  const alpha = Uint8Array.from({ length: COUNT * PIXELS }, (_, i) => {
    const [frame, x, y] = [Math.floor(i / PIXELS), i % WIDTH, Math.floor((i % PIXELS) / WIDTH)]
    const distance = Math.hypot(x - 12 - 3 * frame, y - 12)
    return Math.round(255 * Math.min(1, Math.max(0, (10 - distance) / 4)))
  })
  const data = new Uint8Array(alpha.length * 3)
  for (const [i, a] of alpha.entries())
    data.set(
      [200, 30, 60].map((c) => Math.round((c * a + 255 * (255 - a)) / 255)),
      3 * i,
    )
  return { data, alpha }
}

const { data, alpha } = disc()
const clip = new Clip(
  { frames: { width: WIDTH, height: HEIGHT, count: COUNT, data }, alpha, fps: 7, metadata: {} },
  { worker: false },
)

/** All pages as (count, height, width, 4). */
async function rgbaOf(bytes: Uint8Array): Promise<Uint8Array> {
  return sharp(bytes, { animated: true }).ensureAlpha().raw().toBuffer()
}

/** The opacity of (n, 4). */
function opacityOf(rgba: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: rgba.length / 4 }, (_, i) => rgba[4 * i + 3]!)
}

describe('a clip with opacity of its own keeps it', () => {
  it('in WebP', async () => {
    const rgba = await rgbaOf(await clip.toBuffer('webp'))
    expect(opacityOf(rgba)).toEqual(alpha)
    // The figure's own colour, not its mixture with white.
    const edge = alpha.findIndex((a) => a > 100 && a < 200)
    expect(Math.abs(rgba[4 * edge + 1]! - 30)).toBeLessThan(40)
  })

  it.each([
    ['in PNG frames', 'png'],
    ['in APNG', 'apng'],
  ] as const)('%s, without loss', async (_, format) => {
    const bytes = await clip.toBuffer(format)
    const folder = newFolder()
    const path = format === 'png' ? join(folder, '/') : join(folder, 'disc.apng')
    const files = await clip.save(path)
    const read = await decodeClip(path)
    expect(read.alpha).toEqual(alpha)
    expect(read.frames.data.every((value, i) => Math.abs(value - data[i]!) <= 1)).toBe(true)
    if (format === 'png') {
      expect(Object.keys(unzipSync(bytes))).toEqual(['frame-00.png', 'frame-01.png', 'frame-02.png'])
      expect(files).toHaveLength(COUNT)
    }
  })

  it.each(['apng', 'png'] as const)('in %s of few colours, whose clear and solid pixels stay so', async (format) => {
    const whole = await clip.toBuffer(format)
    const { blob, quality } = await clip.toFile({ format, limit: Math.round(whole.length * 0.8) })
    expect(quality).toMatchObject({ colours: expect.any(Number) as number, every: 1, scale: 1 })
    const folder = newFolder()
    const bytes = new Uint8Array(await blob.arrayBuffer())
    const pictures = format === 'png' ? Object.values(unzipSync(bytes)) : [bytes]
    for (const [index, picture] of pictures.entries()) {
      const path = join(folder, `${index}.${format}`)
      await writeFile(path, picture)
      const read = await decodeClip(path)
      const original = alpha.subarray(index * PIXELS, (index + pictures.length === 1 ? COUNT : index + 1) * PIXELS)
      for (const [i, a] of read.alpha!.entries()) {
        const was = original[i]!
        if (was === 0 || was === 255) expect([i, a]).toEqual([i, was])
        if (was === 0) expect([...read.frames.data.subarray(3 * i, 3 * i + 3)]).toEqual([255, 255, 255])
      }
    }
  })

  it('in GIF, where half is opaque', async () => {
    const opacity = opacityOf(await rgbaOf(await clip.toBuffer('gif')))
    expect(opacity).toEqual(alpha.map((a) => (a < 128 ? 0 : 255)))
  })

  it('unless it is told not to', async () => {
    const rgba = await rgbaOf(await clip.toBuffer('webp', { transparent: false }))
    expect(opacityOf(rgba).every((a) => a === 255)).toBe(true)
    expect(rgba[0]).toBeGreaterThan(250)
  })

  it.skipIf(!hasFfmpeg)('in WebM, by ffmpeg', async () => {
    const told = new Clip({ ...clip, metadata: { seed: '7' } }, { worker: false })
    const path = join(newFolder(), 'disc.webm')
    await told.save(path)
    const read = await decodeClip(path)
    const error = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]!), 0) / a.length
    expect(error(read.alpha!, alpha)).toBeLessThan(6)
    expect(error(read.frames.data, data)).toBeLessThan(6)
    const input = new Input({ source: new BufferSource(readFileSync(path)), formats: [WEBM] })
    expect((await input.getMetadataTags()).comment).toBe('{"seed":"7"}')
    expect(await input.computeDuration()).toBeCloseTo(COUNT / told.fps, 2)
    const stop = AbortSignal.abort()
    await expect(told.toBuffer('webm', { signal: stop })).rejects.toThrow(/abort/i)
  })

  it('but in MP4, and in WebM without such an ffmpeg, where it lies on white', async () => {
    const opaque = new Clip({ ...clip, alpha: undefined }, { worker: false })
    vi.stubEnv('PATH', newFolder())
    try {
      // The files also hold when they were made; other pictures would have another number of bytes.
      for (const format of ['mp4', 'webm'] as const)
        expect(await clip.toBuffer(format)).toHaveLength((await opaque.toBuffer(format)).length)
      await expect(clip.toBuffer('webm', { transparent: true })).rejects.toThrow(
        /^webm keeps transparency through an ffmpeg with libvpx-vp9 alone, and none is on PATH; install .*, or choose webp/,
      )
    } finally {
      vi.unstubAllEnvs()
    }
    await expect(clip.toBuffer('mp4', { transparent: true })).rejects.toThrow(
      /^mp4 keeps no transparency here; choose one of webm, webp, gif, apng, png$/,
    )
  })
})

describe('options', () => {
  let fox: Clip
  beforeAll(async () => {
    fox = await emojiClip('fox', 64, 64, 6)
  })

  it('cut a figure out of white, and size it', async () => {
    const bytes = await fox.toBuffer('webp', { transparent: true, size: 128 })
    const { width, pageHeight } = await sharp(bytes, { animated: true }).metadata()
    expect([width, pageHeight]).toEqual([128, 128])
    const rgba = await rgbaOf(bytes)
    expect([rgba[3], rgba[(64 * 128 + 64) * 4 + 3]]).toEqual([0, 255])
  })

  it.each(['webp', 'gif', 'apng', 'mp4', 'webm', 'png'] as const)('make a %s fit', async (format) => {
    const whole = await fox.toBuffer(format)
    const limit = Math.round(whole.length * 0.7)
    const { blob, quality } = await fox.toFile({ format, limit })
    expect(blob.size).toBeLessThanOrEqual(limit)
    expect(quality.lossy).toBeLessThan(0.92)
    await expect(fox.toBuffer(format, { limit: 20 })).rejects.toThrow(/the smallest file would have/)
  })

  it.each<[object, RegExp]>([
    [{ size: 7.5 }, /^size is 7\.5; give the longer side in pixels/],
    [{ limit: 0 }, /^limit is 0; give the most bytes/],
    [{ transparent: 'yes' }, /^transparent is yes; give true or false/],
  ])('%o are refused', async (options, message) => {
    const error: unknown = await fox.toBuffer('gif', options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(UserError)
    expect((error as Error).message).toMatch(message)
  })

  it('refuse an unknown format', async () => {
    await expect(fox.toBuffer('avi' as ExportFormat)).rejects.toThrow(/^format is avi; give one of mp4, webm/)
  })
})

describe('a thread', () => {
  it('makes the same bytes, and gives errors as they are', async () => {
    const fire = await emojiClip('fire', 24, 24, 2)
    const elsewhere = new Clip(fire)
    for (const format of ['gif', 'webp', 'png'] as const) {
      expect((await elsewhere.toBuffer(format)).equals(await fire.toBuffer(format))).toBe(true)
    }
    await expect(elsewhere.toBuffer('gif', { limit: 20 })).rejects.toBeInstanceOf(UserError)
    const stop = new AbortController()
    const stopped = elsewhere.toBuffer('mp4', { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    const { blob, frames, width } = await elsewhere.toFile({ format: 'apng', size: 48 })
    expect([blob.type, frames, width]).toEqual(['image/apng', 2, 48])
  })
})

it('a clip whose opacity is of another size is refused', () => {
  expect(() => new Clip({ ...clip, alpha: new Uint8Array(5) })).toThrow(/^alpha has 5 bytes where 3 pictures of 32x24/)
})
