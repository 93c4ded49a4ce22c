import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLUENT_CLIPS, fluentStill } from '../../src/data/fluent-figures.js'
import { buildFolder } from '../../src/data/folder.node.js'
import { frameDifferences, motionBucketId } from '../../src/data/motion.js'
import { splitByName, type Split } from '../../src/data/splits.js'
import { ClipStoreWriter } from '../../src/data/store-writer.node.js'
import { ClipStore, PIXELS_FILE } from '../../src/data/store.node.js'
import { fixturePath } from '../support/fixture.js'

const ALL: readonly Split[] = ['train', 'test', 'reserved']
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-data-'))
  await buildFolder({
    folder: fixturePath('clips'),
    out: join(folder, 'store'),
    size: { width: 32, height: 32 },
    fps: 7,
  })
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a clip store', () => {
  it('gives back the pictures of the files, resampled in time and size', async () => {
    const store = await ClipStore.open(join(folder, 'store'), ALL)
    const fox = store.clips.findIndex(({ name }) => name === 'fox.webp')
    const { width, height, data } = await store.clip(fox, 0, 1)
    // An independent reader: the first page, flattened onto white, scaled down by another filter.
    const expected = await sharp(fixturePath('clips/fox.webp'), { page: 0 })
      .flatten({ background: 'white' })
      .resize(32, 32, { kernel: 'lanczos3' })
      .raw()
      .toBuffer()
    const error = data.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / data.length
    expect([width, height, data.length]).toEqual([32, 32, expected.length])
    expect(error).toBeLessThan(3)
    expect(store.length(fox)).toBeGreaterThanOrEqual(14)
    await store.close()
  })

  it('reads any window alone as it reads it within the whole', async () => {
    const store = await ClipStore.open(join(folder, 'store'), ALL)
    const whole = await store.clip(0, 0, store.length(0))
    const window = await store.clip(0, 5, 3)
    const stride = 3 * 32 * 32
    expect(window.data).toEqual(whole.data.subarray(5 * stride, 8 * stride))
    expect(store.clips[0]!.differences.length).toBe(store.length(0) - 1)
    await expect(store.clip(0, store.length(0) - 1, 2)).rejects.toThrow(/frames/)
    await store.close()
  })

  it('exchanges the white behind a transparent picture for a colour', async () => {
    const store = await ClipStore.open(join(folder, 'store'), ALL)
    const corner = async (background?: [number, number, number]) => [
      ...(await store.clip(0, 0, 1, background)).data.subarray(0, 3),
    ]
    expect(await corner()).toEqual([255, 255, 255])
    expect(await corner([10, 20, 30])).toEqual([10, 20, 30])
    await store.close()
  })

  it('gives any frames, in any order, as premultiplied RGBA', async () => {
    const store = await ClipStore.open(join(folder, 'store'), ALL)
    const fox = store.clips.findIndex(({ name }) => name === 'fox.webp')
    const wanted = [9, 0, 4, 4]
    const { width, height, count, data } = await store.rgba(fox, wanted)
    expect([width, height, count, data.length]).toEqual([32, 32, 4, 4 * 4 * 32 * 32])
    // On black, a premultiplied colour is what is seen; another way through the store shows that.
    const onBlack = await Promise.all(wanted.map((frame) => store.clip(fox, frame, 1, [0, 0, 0])))
    const colours = data.filter((_, i) => i % 4 < 3)
    const seen = onBlack.flatMap((frame) => [...frame.data])
    expect(Math.max(...seen.map((value, i) => Math.abs(value - colours[i]!)))).toBeLessThanOrEqual(1)
    // An independent reader of the file says which pixels are clear, solid and in between.
    const opacity = await sharp(fixturePath('clips/fox.webp'), { page: 0 })
      .resize(32, 32)
      .extractChannel(3)
      .raw()
      .toBuffer()
    const first = data.subarray(4 * 32 * 32, 8 * 32 * 32).filter((_, i) => i % 4 === 3)
    expect(first.reduce((sum, value, i) => sum + Math.abs(value - opacity[i]!), 0) / first.length).toBeLessThan(1)
    expect(first).toContain(0)
    expect(first).toContain(255)
    expect(colours.every((value, i) => value <= data[Math.floor(i / 3) * 4 + 3]!)).toBe(true)
    await expect(store.rgba(fox, [0, store.length(fox)])).rejects.toThrow(/none of number/)
    await store.close()
  })

  it('takes a clip without transparency for opaque', async () => {
    const opaque = join(folder, 'opaque')
    const writer = await ClipStoreWriter.create(opaque, { width: 2, height: 1 }, 24)
    const pictures = [Uint8Array.of(1, 2, 3, 4, 5, 6), Uint8Array.of(7, 8, 9, 10, 11, 12)].map((data) => ({
      ...{ width: 2, height: 1, data },
    }))
    await writer.add({ pictures, name: 'a', figure: 'a', split: 'train' })
    await writer.finish()
    const store = await ClipStore.open(opaque)
    expect([...(await store.rgba(0, [1, 0])).data]).toEqual([7, 8, 9, 255, 10, 11, 12, 255, 1, 2, 3, 255, 4, 5, 6, 255])
    await store.close()
  })

  it('refuses a missing, a damaged and an unsuitable store in one sentence', async () => {
    await expect(ClipStore.open(join(folder, 'nothing'))).rejects.toThrow(/cannot read the clip store .*sfv data/)
    await expect(ClipStore.open(join(folder, 'store'), ALL, 10_000)).rejects.toThrow(/no clip of 10000 frames/)
    const damaged = join(folder, 'damaged')
    await buildFolder({ folder: fixturePath('clips'), out: damaged, size: { width: 16, height: 16 }, fps: 7 })
    const { length } = await readFile(join(damaged, PIXELS_FILE))
    await truncate(join(damaged, PIXELS_FILE), length - 1)
    await expect(ClipStore.open(damaged, ALL)).rejects.toThrow(/cut short/)
  })
})

describe('splits', () => {
  it('keep every figure on one side', () => {
    const splits = new Map<string, Set<Split>>()
    for (const { figure, split } of FLUENT_CLIPS.values())
      splits.set(figure, (splits.get(figure) ?? new Set<Split>()).add(split))
    expect([...splits.values()].every((sides) => sides.size === 1)).toBe(true)
    expect(FLUENT_CLIPS.size).toBe(2106)
    expect([...FLUENT_CLIPS.values()].filter(({ split }) => split === 'train').length).toBe(1756)
  })

  it('put a still beside the animated forms of its figure', () => {
    const clip = [...FLUENT_CLIPS.values()].find(({ figure, split }) => split === 'test' && !figure.includes('-'))!
    expect(fluentStill(`${clip.figure}-1f3fd`).split).toBe('test')
  })

  it('take about a tenth of all names for testing, the same each time', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `clip ${i}`)
    const tests = names.filter((name) => splitByName(name) === 'test').length
    expect(tests).toBeGreaterThan(140)
    expect(tests).toBeLessThan(260)
    expect(names.map((name) => splitByName(name))).toEqual(names.map((name) => splitByName(name)))
  })
})

describe('motion', () => {
  it('is the mean change from frame to frame', () => {
    const data = Uint8Array.from([0, 0, 0, 51, 51, 51, 51, 51, 255])
    const [first, second] = frameDifferences({ width: 1, height: 1, count: 3, data })
    expect(first).toBeCloseTo(0.2, 12)
    expect(second).toBeCloseTo(0.8 / 3, 12)
  })

  it('has the median clip in bucket 127 and twice its motion 60 above', () => {
    expect(motionBucketId([0.019, 0.019])).toBe(127)
    expect(motionBucketId([0.038])).toBe(187)
    expect(motionBucketId([])).toBe(0)
    expect(motionBucketId([1])).toBe(255)
  })
})
