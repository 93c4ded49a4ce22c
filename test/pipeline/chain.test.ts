import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { frameAt, type Picture } from '../../src/media/frames.js'
import { linkStarts } from '../../src/pipeline/chain.js'
import { ImageToVideo, type AnimateOptions } from '../../src/pipeline/image-to-video.js'
import { statisticsOf, withStatistics } from '../../src/pipeline/latent-statistics.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import type { AnimateProgress } from '../../src/pipeline/progress.js'
import { Random } from '../../src/runtime/random.js'
import { spyingEngine } from './support/spying-engine.js'
import { picture, tinySource } from './tiny.js'

const [PER, SIDE, CELLS] = [6, 32, 8]
const OVERLAP = 3
const SIZE = 4 * CELLS ** 2
const small: AnimateOptions = { frames: PER, width: SIDE, height: SIDE, seed: 1 }

const seen = {
  samples: [] as Float32Array[],
  contexts: [] as Float32Array[],
  decoded: [] as Float32Array[],
  encoded: [] as Float32Array[],
  firsts: [] as Float32Array[],
}
const spying = spyingEngine((feeds, made) => {
  if (feeds['sample']) {
    seen.samples.push((feeds['sample'] as Float32Array).slice())
    seen.contexts.push((feeds['context'] as Float32Array).slice())
  }
  if (made['latents']) seen.encoded.push(made['latents'].slice())
  if (!made['frames']) return
  seen.decoded.push((feeds['latents'] as Float32Array).slice())
  if (feeds['first']) seen.firsts.push((feeds['first'] as Float32Array).slice())
})
let sfv: ImageToVideo

beforeAll(async () => {
  sfv = new ImageToVideo(await tinySource(), spying)
})
beforeEach(() => Object.assign(seen, { samples: [], contexts: [], decoded: [], encoded: [], firsts: [] }))
afterAll(() => sfv.dispose())

const root = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
/** Frame `i` of latents, (c, h, w). */
const frameOf = (latents: Float32Array, i: number) => [...latents.subarray(i * SIZE, (i + 1) * SIZE)]
const away = (a: readonly number[], b: readonly number[]) => root(a.map((value, i) => value - b[i]!))

describe('links', () => {
  it('begin on the last frames of the one before, and the last ends where the chain does', () => {
    expect(linkStarts(0, { frames: 40 }, 14)).toEqual([0, 11, 22, 26])
    expect(linkStarts(0, { frames: 14 }, 14)).toEqual([0])
    expect(linkStarts(0, { frames: 25 }, 14)).toEqual([0, 11])
    expect(linkStarts(20, { links: 2 }, 14)).toEqual([17, 28])
    expect(linkStarts(0, { frames: 4 }, 2)).toEqual([0, 1, 2])
    expect(linkStarts(2, { links: 2 }, 14)).toEqual([0, 11])
  })
})

describe('statistics of latents', () => {
  it('are those of the wanted ones, by channel: mean, what is coarse, what is fine', () => {
    const draw = (seed: number, strength: number) =>
      new Random(seed, 'latents').normals(2 * 256).map((value, i) => strength * value + Math.sin(i / 40) + seed)
    const [wanted, given] = [statisticsOf(draw(1, 1), 16, 16), draw(2, 1.8)]
    const matched = statisticsOf(withStatistics(given, wanted, 16, 16), 16, 16)
    for (const [i, { mean, coarse, fine }] of wanted.entries()) {
      expect(matched[i]!.mean).toBeCloseTo(mean, 5)
      // What is fine is a little coarse itself and the other way round, so that both come near and are not met.
      expect(Math.abs(matched[i]!.coarse / coarse - 1)).toBeLessThan(0.15)
      expect(Math.abs(matched[i]!.fine / fine - 1)).toBeLessThan(0.15)
      expect(statisticsOf(given, 16, 16)[i]!.fine / fine).toBeGreaterThan(1.5)
    }
    expect([...withStatistics(given, statisticsOf(given, 16, 16), 16, 16)]).toEqual(
      [...given].map((value) => expect.closeTo(value, 4) as number),
    )
  })
})

describe('a clip of several links', () => {
  it('has the length that is asked for, and begins each link with what it shares with the one before', async () => {
    const clip = await sfv.animate(picture, { ...small, seconds: 2 })
    // 14 frames: links begin at 0, 3, 6 and 8.
    expect([clip.frames.count, clip.frames.width, clip.metadata['links'], clip.metadata['forwards']]).toEqual([
      14,
      SIDE,
      '4',
      '4',
    ])
    expect(seen.samples).toHaveLength(4)
    for (const [link, at] of [
      [1, 3],
      [2, 3],
      [3, 2],
    ] as const) {
      // What the UNet is told of the picture are the latents of the frame that it begins with, as they were decoded.
      const told = seen.samples[link]!.subarray(SIZE, 2 * SIZE)
      const before = frameOf(seen.decoded[link - 1]!, at)
      expect(away([...told], before)).toBeLessThan(1e-5)
      // The shared frames begin as they were, and change over to the new ones.
      expect(away(frameOf(seen.decoded[link]!, 0), before)).toBeLessThan(1e-5)
    }
    // The image encoder is shown the first picture in every link.
    for (const context of seen.contexts) expect(context).toEqual(seen.contexts[0])
  })

  it('goes no further from its first picture than its first link did in the mean', async () => {
    await sfv.animate(picture, { ...small, seconds: 3 })
    const home = [...seen.encoded[1]!]
    const distances = seen.decoded.map((latents) =>
      Array.from({ length: PER }, (_, i) => away(frameOf(latents, i), home)),
    )
    const usual = distances[0]!.reduce((sum, value) => sum + value, 0) / PER
    for (const link of distances.slice(1)) {
      const over = Math.max(0, link[0]! - usual)
      for (const [i, distance] of link.entries())
        if (i >= OVERLAP) expect(distance).toBeLessThanOrEqual(usual + over * (1 - i / (PER - 1)) + 1e-4)
    }
  })

  it('leads back to its picture where it is a loop', async () => {
    const clip = await sfv.animate(picture, { ...small, seconds: 10 / 7, loop: true })
    expect([clip.frames.count, clip.metadata['loop'], clip.metadata['forwards']]).toEqual([10, 'true', `${1 + 1 + 6}`])
    // The last link ends with the picture's latents, a frame behind the clip's last.
    expect(away(frameOf(seen.decoded.at(-1)!, PER - 1), [...seen.encoded[1]!])).toBeLessThan(1e-5)
  })

  it('keeps what stands still', async () => {
    const white: Picture = { width: 8, height: 8, data: new Uint8Array(192).fill(255) }
    const { frames } = await sfv.animate(picture, { ...small, seconds: 2, still: white })
    for (let i = 1; i < frames.count; i++) expect(frameAt(frames, i).data).toEqual(frameAt(frames, 0).data)
  })

  it('tells which link it is at, and ends when it is told to', async () => {
    const events: Extract<AnimateProgress, { type: 'stage' }>[] = []
    const stop = new AbortController()
    const making = sfv.animate(picture, {
      ...small,
      seconds: 2,
      signal: stop.signal,
      onProgress: (event) => {
        if (event.type !== 'stage') return
        events.push(event)
        if (event.link === 3 && event.stage === 'denoise') stop.abort()
      },
    })
    await expect(making).rejects.toThrow('aborted')
    expect([...new Set(events.map(({ link, links }) => `${link}/${links}`))]).toEqual(['1/4', '2/4', '3/4'])
  })

  it.each<[string, AnimateOptions, string]>([
    ['drags', { motions: [{ from: [1, 1], to: [5, 5] }] }, 'motions are of one clip; leave out seconds'],
    ['given noise', { latents: new Float32Array(PER * SIZE) }, 'latents and imageNoise are of one clip'],
    ['links of one frame', { frames: 1 }, 'a longer clip takes links of at least 2 frames'],
    ['two ends', { loop: true, end: picture }, 'a loop ends with its first frame'],
  ])('refuses %s', async (_, options, message) => {
    await expect(sfv.animate(picture, { ...small, seconds: 2, ...options })).rejects.toThrow(message)
    expect(seen.samples).toHaveLength(0)
  })
})

describe('extending a clip', () => {
  it('keeps its frames as they are, and puts links to its end', async () => {
    const clip = await sfv.animate(picture, { ...small, fps: 9 })
    const long = await sfv.extend(clip, { ...small, links: 2 })
    expect([long.frames.count, long.fps, long.metadata['links']]).toEqual([PER + 2 * (PER - OVERLAP), 9, '2'])
    for (let i = 0; i < PER - OVERLAP; i++) expect(frameAt(long.frames, i).data).toEqual(frameAt(clip.frames, i).data)
    const other = await sfv.extend(clip, {
      ...small,
      links: 1,
      end: { ...picture, data: picture.data.map((v) => 255 - v) },
    })
    expect(other.frames.count).toBe(PER + PER - OVERLAP)
    await expect(sfv.extend({ frames: { ...frameAt(clip.frames, 0), count: 1 }, fps: 7 })).rejects.toThrow(
      'the clip has one frame; give one that moves, or animate the picture',
    )
    await expect(sfv.extend(clip, { links: 0 })).rejects.toThrow('links is 0; give a whole number from 1 to 100')
  })
})

describe('a decoder that copies from a picture', () => {
  it('copies from the first one in every link', async () => {
    const warping = new ImageToVideo(await openModelFolder('models/fluent'), spying)
    const square: Picture = {
      width: 128,
      height: 128,
      data: new Uint8Array(3 * 128 * 128).map((_, i) => (i * 7) % 256),
    }
    const clip = await warping.animate(square, { frames: PER, steps: 2, seed: 1, seconds: 9 / 7 })
    await warping.dispose()
    expect(clip.frames.count).toBe(9)
    // The second link is decoded twice: as it was made, from its own first frame, then from the chain's.
    expect(seen.firsts).toHaveLength(3)
    expect(seen.firsts[1]).not.toEqual(seen.firsts[0])
    expect(seen.firsts[2]).toEqual(seen.firsts[0])
  })
})
