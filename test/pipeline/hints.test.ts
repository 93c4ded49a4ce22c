import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageToVideo, type AnimateOptions } from '../../src/pipeline/image-to-video.js'
import { initPipeline } from '../../src/pipeline/init.node.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { spyingEngine } from './support/spying-engine.js'
import { picture, TINY } from './tiny.js'

const [FRAMES, SIDE, CELLS] = [3, 32, 8]
const PLANE = CELLS * CELLS
/** Channels: noisy latents, the picture's, the end frame's and whether it is known, motion and whether it is known. */
const CHANNELS = 4 + 4 + 5 + 3

let folder: string
let sfv: ImageToVideo
let samples: Float32Array[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-hints-'))
  const config = join(folder, 'config')
  await cp(TINY, config, { recursive: true, filter: (path) => !/case|safetensors/.test(path) })
  const file = join(config, 'unet', 'config.json')
  const unet = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...unet, in_channels: CHANNELS }))
  await initPipeline({ config, out: join(folder, 'model'), seed: 1, dtype: 'F32' })
  const spying = spyingEngine(({ sample }) => {
    if (sample) samples.push(sample.slice() as Float32Array)
  })
  sfv = new ImageToVideo(await openModelFolder(join(folder, 'model')), spying)
})
afterAll(async () => {
  await sfv.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** What the UNet was told of a frame in a channel, in its one forward. */
async function toldOf(options: AnimateOptions): Promise<(frame: number, channel: number) => number[]> {
  samples = []
  await sfv.animate(picture, { frames: FRAMES, width: SIDE, height: SIDE, seed: 1, ...options })
  expect(samples).toHaveLength(1)
  return (frame, channel) => {
    const at = (frame * CHANNELS + channel) * PLANE
    return [...samples[0]!.subarray(at, at + PLANE)]
  }
}

describe('a model that takes an end frame and motion hints', () => {
  it('is told of a drag where it starts, in latent pixels, in its one forward', async () => {
    // From (10, 14) of the clip, which is in cell (2, 3), eight pixels, or two cells, to the right.
    const told = await toldOf({ motions: [{ from: [20, 28], to: [36, 28], radius: 4, ease: 'even' }] })
    const cell = 3 * CELLS + 2
    for (let frame = 0; frame < FRAMES; frame++) {
      expect(told(frame, 13)[cell]).toBeCloseTo((2 * frame) / (FRAMES - 1), 5)
      expect(told(frame, 14).every((value) => value === 0)).toBe(true)
      expect(
        told(frame, 15)
          .map((value, i) => (value ? i : -1))
          .filter((i) => i >= 0),
      ).toEqual([cell])
      expect(told(frame, 12).every((value) => value === 0)).toBe(true)
    }
  })

  it('is told that what is still stays where it is', async () => {
    const data = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (Math.floor(i / 3) % 64 < 32 ? 255 : 0))
    const told = await toldOf({ still: { width: 64, height: 64, data } })
    expect(told(2, 15)).toEqual(Array.from({ length: PLANE }, (_, i) => (i % CELLS < CELLS / 2 ? 1 : 0)))
    expect([...told(2, 13), ...told(2, 14)].every((value) => value === 0)).toBe(true)
  })

  it('is told of an end frame and of a loop, in its one forward', async () => {
    const ended = await toldOf({ end: picture })
    expect(ended(0, 12).every((value) => value === 1)).toBe(true)
    expect(ended(0, 8).some((value) => value !== 0)).toBe(true)
    const looped = await toldOf({ loop: true, frames: FRAMES - 1 })
    expect(looped(1, 8)).toEqual(ended(1, 8))
  })
})
