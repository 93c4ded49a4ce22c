import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resizePicture } from '../../src/media/lanczos.js'
import type { Picture } from '../../src/media/frames.js'
import { ImageToVideo, type AnimateOptions } from '../../src/pipeline/image-to-video.js'
import { Model } from '../../src/svd/model.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import type { Program } from '../../src/runtime/program.js'
import { Random } from '../../src/runtime/random.js'
import { relativeError } from '../support/fixture.js'
import { referenceWalk, type Told } from './support/reference-walk.js'
import { spyingEngine } from './support/spying-engine.js'
import { picture, tinySource } from './tiny.js'

const [FRAMES, SIDE, FACTOR] = [5, 32, 4]
/** Cells of a side of the latents. */
const CELLS = SIDE / FACTOR
const SEED = 3
const negative: Picture = { ...picture, data: picture.data.map((value) => 255 - value) }

/** What the encoders and the decoder were fed or gave, of the last clip. */
const seen = {
  embeddings: [] as Float32Array[],
  latents: [] as Float32Array[],
  decoded: new Float32Array(),
  forwards: 0,
}
let sfv: ImageToVideo
let unet: Program
let scale: number

beforeAll(async () => {
  const spying = spyingEngine((feeds, made) => {
    if (feeds['sample']) seen.forwards++
    if (made['embedding']) seen.embeddings.push(made['embedding'].slice())
    if (made['latents']) seen.latents.push(made['latents'].slice())
    if (made['frames']) seen.decoded = (feeds['latents'] as Float32Array).slice()
  })
  sfv = new ImageToVideo(await tinySource(), spying)
  const model = new Model(await tinySource(), nodeEngine({ threads: 1 }))
  scale = model.vaeConfig.scalingFactor
  unet = await model.unet('unet', { batch: 1, frames: FRAMES, height: CELLS, width: CELLS }).open()
})
afterAll(() => Promise.all([sfv.dispose(), unet.dispose()]))

/** Makes a clip, and gives the latents that were decoded, scaled. */
async function latentsOf(options: AnimateOptions): Promise<Float32Array> {
  Object.assign(seen, { embeddings: [], latents: [], forwards: 0 })
  await sfv.animate(picture, { frames: FRAMES, width: SIDE, height: SIDE, seed: SEED, ...options })
  return seen.decoded.map((value) => value * scale)
}

/** The reference's Karras levels, in doubles. */
function karras(steps: number): number[] {
  const [most, least] = [700 ** (1 / 7), 0.002 ** (1 / 7)]
  return [...Array.from({ length: steps }, (_, i) => (most + (i / (steps - 1)) * (least - most)) ** 7), 0]
}

const draw = (use: string, count: number) => new Random(SEED, use).normals(count)
const told = (i: number): Told => ({
  embedding: seen.embeddings[i]!,
  imageLatents: seen.latents[i]!,
  addedTimeIds: Float32Array.of(6, 127, 0.02),
})
const SIZE = 4 * CELLS ** 2
const COUNT = FRAMES * SIZE
const LEVELS = [2, 1, 0].map((i) => (0.002 ** (1 / 7) + ((i + 1) / 3) * (700 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7)

describe('an end frame without training is what the papers write, in doubles', () => {
  /** The frames at both ends, under noise at each level. */
  const ends = (noise: Float32Array) => (i: number, sigma: number) => {
    const frame = Math.floor(i / SIZE)
    const known = frame === 0 ? seen.latents[2]! : frame === FRAMES - 1 ? seen.latents[3]! : undefined
    return known && scale * known[i % SIZE]! + sigma * noise[i]!
  }

  it('with several steps and guidance, the first half of the steps taken twice', async () => {
    const made = await latentsOf({ steps: 4, end: negative })
    expect(seen.forwards).toBe(6 * 2)
    const noise = draw('latents', COUNT)
    const expected = await referenceWalk({
      unet,
      frames: FRAMES,
      sigmas: karras(4),
      start: Float64Array.from(noise, (value) => Math.sqrt(700 ** 2 + 1) * value),
      first: told(0),
      last: told(1),
      guidance: [1, 1.5, 2, 2.5, 3],
      again: (step) => (step < 2 ? draw(`resample ${step}`, COUNT) : undefined),
      put: ends(noise),
    })
    expect(relativeError(made, expected)).toBeLessThan(2e-4)
    const middle = (values: ArrayLike<number>) => Array.from(values).slice(SIZE, 4 * SIZE)
    expect(relativeError(middle(made), middle(expected))).toBeLessThan(2e-4)
  })

  it('with one step, which becomes a walk over the levels of a student', async () => {
    const made = await latentsOf({ end: negative })
    expect(seen.forwards).toBe(6)
    const noise = draw('latents', COUNT)
    const expected = await referenceWalk({
      unet,
      frames: FRAMES,
      sigmas: [...LEVELS, 0],
      start: Float64Array.from(noise, (value) => 700 * value),
      first: told(0),
      last: told(1),
      anew: (step) => draw(`renoise ${step}`, COUNT),
      put: ends(noise),
    })
    expect(relativeError(made, expected)).toBeLessThan(2e-4)
  })

  it('a loop is made a frame longer, which is the picture again, and that one left out', async () => {
    const frames = FRAMES - 1
    const made = await latentsOf({ frames, loop: true })
    expect(made).toHaveLength(frames * SIZE)
    expect(
      relativeError(
        made.subarray(0, SIZE),
        seen.latents[1]!.map((value) => scale * value),
      ),
    ).toBeLessThan(1e-6)
    // Both directions are told the same picture, which is encoded once with noise and once without.
    expect([seen.forwards, seen.embeddings.length, seen.latents.length]).toEqual([6, 1, 2])
  })
})

describe('a drag without training', () => {
  const motions: AnimateOptions['motions'] = [{ from: ['25%', '50%'], to: ['75%', 32], radius: '20%', ease: 'even' }]

  it('is Time-to-Move with a rough clip, in doubles', async () => {
    const steps = 6
    const made = await latentsOf({ steps, motions, maxGuidance: 1 })
    // Of six steps, round(16/50 6) = 2 are left out, and after round(21/50 6) = 3 what is dragged is let go.
    expect(seen.forwards).toBe(4)
    const noise = draw('latents', COUNT)
    const rough = seen.latents.slice(1)
    expect(rough).toHaveLength(FRAMES)
    const value = (i: number) => scale * rough[Math.floor(i / SIZE)]![i % SIZE]!
    // The drag, by its definition, at the middle of each cell.
    const cells = CELLS ** 2
    const dragged = (frame: number, cell: number) => {
      const centre = [((cell % CELLS) + 0.5) * FACTOR, (Math.floor(cell / CELLS) + 0.5) * FACTOR]
      const [way, radius] = [(16 * frame) / (FRAMES - 1), 0.2 * 32]
      const weight = (x: number, y: number) => {
        const beyond = Math.hypot(x - 8, y - 16) - radius
        const margin = Math.max(radius, 1.6 * 16)
        return beyond <= 0 ? 1 : beyond >= margin ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * beyond) / margin)
      }
      // The source of the cell, by bisection: where the material stood that is there now.
      let [low, high] = [centre[0]! - way, centre[0]!]
      for (let i = 0; i < 60; i++) {
        const mid = (low + high) / 2
        if (mid + way * weight(mid, centre[1]!) < centre[0]!) low = mid
        else high = mid
      }
      return weight((low + high) / 2, centre[1]!) >= 0.5
    }
    const sigmas = karras(steps).slice(2)
    const expected = await referenceWalk({
      unet,
      frames: FRAMES,
      sigmas,
      start: Float64Array.from({ length: COUNT }, (_, i) => value(i) + sigmas[0]! * noise[i]!),
      first: told(0),
      put: (i, sigma, step) =>
        step < 1 && dragged(Math.floor(i / SIZE), i % cells) ? value(i) + sigma * noise[i]! : undefined,
    })
    expect(relativeError(made, expected)).toBeLessThan(2e-4)
  })

  it('moves the dragged part of the rough clip by its way, and leaves what is far away alone', async () => {
    const { roughClip } = await import('../../src/pipeline/rough-clip.js')
    const side = 64
    const data = new Uint8Array(3 * side * side).fill(255)
    const dot = (x: number, y: number) => 3 * (y * side + x)
    for (let y = 30; y < 34; y++) for (let x = 14; x < 18; x++) data.fill(0, dot(x, y), dot(x, y) + 3)
    data.fill(7, dot(60, 4), dot(60, 4) + 3)
    const drags = [{ x: 16, y: 32, dx: 20, dy: 5, radius: 6, ease: 'even' as const }]
    const clip = roughClip({ width: side, height: side, data }, drags, 3)
    expect(clip[0]!.data).toEqual(data)
    const middle = (frame: number) => {
      let [sum, x, y] = [0, 0, 0]
      for (let i = 0; i < side * side; i++) {
        const dark = Math.max(0, 255 - clip[frame]!.data[3 * i]! - (i === 4 * side + 60 ? 255 : 0))
        ;[sum, x, y] = [sum + dark, x + dark * ((i % side) + 0.5), y + dark * (Math.floor(i / side) + 0.5)]
      }
      return [x / sum, y / sum]
    }
    for (const [frame, way] of [0, 0.5, 1].entries()) {
      const [x, y] = middle(frame)
      expect(Math.hypot(x! - 16 - 20 * way, y! - 32 - 5 * way)).toBeLessThan(0.3)
      expect(clip[frame]!.data[dot(60, 4)]).toBe(7)
    }
  })

  it('is shown at once as the rough clip that is followed, without a network', async () => {
    Object.assign(seen, { embeddings: [], latents: [], forwards: 0 })
    const rough = await sfv.preview(picture, { frames: FRAMES, width: SIDE, height: SIDE, motions })
    expect([seen.latents.length, seen.forwards]).toEqual([0, 0])
    expect(rough.frames).toMatchObject({ count: FRAMES, width: SIDE, height: SIDE })
    const frame = (i: number) => rough.frames.data.subarray(3 * i * SIDE * SIDE, 3 * (i + 1) * SIDE * SIDE)
    expect(frame(0)).toEqual(resizePicture(picture, SIDE, SIDE).data)
    // What was in the middle of the drag has come to its end, half a side to the right.
    const pixel = (i: number, x: number) => [...frame(i).subarray(3 * (16 * SIDE + x), 3 * (16 * SIDE + x) + 3)]
    expect(pixel(FRAMES - 1, 24)).toEqual(pixel(0, 8))
    const white = { width: 4, height: 4, data: new Uint8Array(48).fill(255) }
    const still = await sfv.preview(picture, { frames: FRAMES, width: SIDE, height: SIDE, motions, still: white })
    expect(still.frames.data.subarray(-3 * SIDE * SIDE)).toEqual(frame(0))
  })

  it('of a loop comes back', async () => {
    const { gone } = await import('../../src/pipeline/motions.js')
    expect(gone('return', 0, 9)).toBeCloseTo(0, 9)
    expect(gone('return', 4, 9)).toBeCloseTo(1, 9)
    expect(gone('return', 8, 9)).toBeCloseTo(0, 9)
    expect([gone('soft', 0, 9), gone('soft', 4, 9), gone('soft', 8, 9)]).toEqual([0, 0.5, 1])
  })
})

describe('masks', () => {
  const left: Picture = {
    width: 64,
    height: 64,
    data: Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (Math.floor(i / 3) % 64 < 32 ? 255 : 0)),
  }
  const options: AnimateOptions = { frames: FRAMES, width: SIDE, height: SIDE, seed: SEED }

  it('keep what is still the very picture, in all frames', async () => {
    const own = resizePicture(picture, SIDE, SIDE).data
    const inverse = { ...left, data: left.data.map((value) => 255 - value) }
    const free = await sfv.animate(picture, options)
    for (const masks of [{ still: left }, { moving: inverse }]) {
      const { frames } = await sfv.animate(picture, { ...options, ...masks })
      let [inside, outside] = [0, 0]
      for (let i = 0; i < frames.data.length; i++) {
        const at = i % own.length
        const isStill = Math.floor(at / 3) % SIDE < SIDE / 2 - 3
        const change = Math.abs(frames.data[i]! - own[at]!)
        if (isStill) inside = Math.max(inside, change)
        else if (Math.floor(at / 3) % SIDE > SIDE / 2 + 3) outside = Math.max(outside, change)
      }
      expect(inside).toBe(0)
      expect(outside).toBeGreaterThan(10)
      expect(frames.data).not.toEqual(free.frames.data)
    }
  })

  it('hold the walk to the picture there, so that what moves fits to it', async () => {
    const made = await latentsOf({ still: left })
    expect(seen.forwards).toBe(3)
    const known = seen.latents[1]!
    for (let i = 0; i < made.length; i++)
      if (i % CELLS < CELLS / 2) expect(made[i]).toBeCloseTo(scale * known[i % SIZE]!, 5)
  })
})

it('what steers is refused where it is wrong, by its place', async () => {
  const refused = (motions: unknown) => sfv.animate(picture, { motions: motions as AnimateOptions['motions'] })
  await expect(refused([{ from: [1, 2], to: ['half', 3] }])).rejects.toThrow(
    'motions[0].to[0] is half; give pixels of the picture, such as 40, or a share of it, such as 25%',
  )
  await expect(refused([{ from: [1, 2], to: [1, 2], ease: 'fast' }])).rejects.toThrow(
    'motions[0].ease is fast; give even, soft or return',
  )
  await expect(sfv.animate(picture, { end: {} as Picture })).rejects.toThrow('the end frame is an Object; give pixels')
  await expect(sfv.animate(picture, { loop: true, end: picture })).rejects.toThrow('a loop ends with its first frame')
})
