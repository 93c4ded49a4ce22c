import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAW_NAMES, flawed } from '../../src/data/flaws.js'
import { UserError } from '../../src/errors.js'
import { openFeatureNetwork, type FeatureNetwork } from '../../src/evaluation/feature-network.node.js'
import { frechetDistance } from '../../src/evaluation/frechet.js'
import type { Frames } from '../../src/media/frames.js'
import { shrink } from '../../src/media/shrink.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { Random } from '../../src/runtime/random.js'
import { fixturePath } from '../support/fixture.js'

const FRAMES = 14
let features: FeatureNetwork
let clips: Frames[]

beforeAll(async () => {
  features = await openFeatureNetwork('fluent', nodeEngine())
  const { data, info } = await sharp(fixturePath('features/clips.webp')).raw().toBuffer({ resolveWithObject: true })
  const [width, height] = [info.width, info.width]
  const stride = 3 * width * height * FRAMES
  clips = Array.from({ length: data.length / stride }, (_, i) => ({
    ...{ width, height, count: FRAMES },
    data: new Uint8Array(data.subarray(i * stride, (i + 1) * stride)),
  }))
})
afterAll(() => features.dispose())

/** The features of all clips with one flaw. */
async function featuresWith(name: string, strength: number): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  for (const [i, clip] of clips.entries())
    rows.push(await features.extract(flawed(clip, 0, FRAMES, [{ name, strength }], new Random(2, i))))
  return rows
}

describe('the distance in models/features', () => {
  it.each(['noise', 'blur', 'freeze', 'shuffle', 'jitter', 'trail'])('grows with %s', async (name) => {
    const real = await featuresWith(name, 0)
    const distances: number[] = [0]
    for (const strength of [0.25, 0.5, 1]) distances.push(frechetDistance(await featuresWith(name, strength), real))
    for (let i = 1; i < distances.length; i++) expect(distances[i]).toBeGreaterThan(distances[i - 1]!)
  })

  it('says that a clip of another length cannot be looked at', async () => {
    const short = { ...clips[0]!, count: 1, data: clips[0]!.data.subarray(0, clips[0]!.data.length / FRAMES) }
    await expect(features.extract(short)).rejects.toThrow(UserError)
  })
})

describe('flawed', () => {
  it('leaves a clip alone at strength 0, and changes it at 1, the same each time', () => {
    const [clip] = clips as [Frames]
    for (const name of FLAW_NAMES) {
      const at = (strength: number) => flawed(clip, 0, FRAMES, [{ name, strength }], new Random(1)).data
      expect(at(0)).toEqual(clip.data)
      expect(at(1)).not.toEqual(clip.data)
      expect(at(1)).toEqual(at(1))
    }
  })

  it('stands still when frozen, and shows the same frames in another order when shuffled', () => {
    const [clip] = clips as [Frames]
    const stride = clip.data.length / FRAMES
    const frames = (data: Uint8Array) =>
      Array.from({ length: FRAMES }, (_, t) => data.subarray(t * stride, (t + 1) * stride))
    const of = (name: string) => frames(flawed(clip, 0, FRAMES, [{ name, strength: 1 }], new Random(1)).data)
    for (const frame of of('freeze')) expect(frame).toEqual(clip.data.subarray(0, stride))
    const originals = frames(clip.data).map(String)
    expect(of('shuffle').map(String).sort()).toEqual([...originals].sort())
    expect(of('reverse').map(String)).toEqual([...originals].reverse())
  })
})

describe('shrink', () => {
  it('gives means of blocks, and the pictures themselves where they have the size', () => {
    const data = Uint8Array.of(0, 0, 0, 10, 20, 30, 20, 20, 20, 30, 40, 50)
    const picture = { width: 2, height: 2, count: 1, data }
    expect(shrink(picture, 1).data).toEqual(Uint8Array.of(15, 20, 25))
    expect(shrink(picture, 2)).toBe(picture)
  })
})
