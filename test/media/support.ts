import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach } from 'vitest'
import { Clip } from '../../src/media/clip.node.js'
import type { Frames } from '../../src/media/frames.js'
import { fixturePath } from '../support/fixture.js'

/** Frames of an animated emoji under test/fixtures/clips, spread over its length, on white. */
export async function emojiFrames(name: 'fire' | 'fox', width: number, height: number, count: number): Promise<Frames> {
  const file = sharp(fixturePath(`clips/${name}.webp`), { animated: true }).flatten({ background: '#ffffff' })
  const { data: pages, info } = await file.raw().toBuffer({ resolveWithObject: true })
  const side = info.width
  const stride = side * side * 3
  const data = new Uint8Array(count * width * height * 3)
  for (let index = 0; index < count; index++) {
    const start = Math.floor((index * info.height) / side / count) * stride
    const page = sharp(pages.subarray(start, start + stride), { raw: { width: side, height: side, channels: 3 } })
    const pixels = await page.resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer()
    data.set(pixels, index * width * height * 3)
  }
  return { width, height, count, data }
}

/** What every format has to bring back: words beyond ASCII, and markup. */
export const METADATA = { seed: '7', model: 'fluent “é” <&> 😀', settings: '--steps 1 '.repeat(40) }

/** A clip of an emoji with metadata; 7 pictures per second is no whole number of milliseconds. */
export async function emojiClip(name: 'fire' | 'fox', width: number, height: number, count = 14): Promise<Clip> {
  const frames = await emojiFrames(name, width, height, count)
  return new Clip({ frames, fps: 7, metadata: METADATA }, { worker: false })
}

/** Peak signal-to-noise ratio of 8-bit samples, in dB. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} samples against ${b.length}`)
  const squares = a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0)
  return 10 * Math.log10((255 ** 2 * a.length) / squares)
}

/** All pages of an animation as `Frames`, read by sharp. */
export async function readAnimation(file: string | Uint8Array): Promise<Frames> {
  const { data, info } = await sharp(file, { animated: true }).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const height = info.pageHeight ?? info.height
  return { width: info.width, height, count: info.height / height, data }
}

const folders: string[] = []

/** A new empty folder, removed after the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sfv-media-'))
  folders.push(folder)
  return folder
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
