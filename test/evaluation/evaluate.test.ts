import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frameAt } from '../../src/media/frames.js'
import { ClipStoreWriter } from '../../src/data/store-writer.node.js'
import type { Split } from '../../src/data/splits.js'
import { evaluate, type EvaluateOptions, type EvaluationProgress } from '../../src/evaluation/index.js'
import { meanOf } from '../../src/evaluation/measure.js'
import { printTable } from '../../src/evaluation/report/table.js'
import { TestClips } from '../../src/evaluation/test-clips.node.js'
import { tornBlocks } from '../../src/evaluation/torn-blocks.js'
import { Random } from '../../src/runtime/random.js'
import { TINY } from '../pipeline/tiny.js'
import { saveTinyFeatures } from './support/tiny-features.js'

const FRAMES = 4
const CLIPS = 3
let folder: string
let options: EvaluateOptions

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-evaluate-'))
  await saveTinyFeatures(folder, FRAMES)
  await writeStore('clips', 64)
  await writeStore('small', 32)
  options = {
    model: TINY,
    data: join(folder, 'clips'),
    split: 'test',
    clips: CLIPS,
    steps: '1,2',
    features: join(folder, 'features'),
    seed: 5,
    motion: 'shuffled',
    noiseAug: 0.02,
    seeds: 2,
    timings: 1,
    out: join(folder, 'out'),
    threads: 1,
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A store of smooth moving patterns: one clip more in the test split than is taken, one that is reserved. */
async function writeStore(name: string, size: number): Promise<void> {
  const writer = await ClipStoreWriter.create(join(folder, name), { width: size, height: size }, 7)
  const splits: Split[] = [...Array.from({ length: CLIPS + 1 }, () => 'test' as const), 'reserved']
  for (const [i, split] of splits.entries()) {
    const [a, b, c] = [0, 1, 2].map((k) => new Random(1, `${i} ${k}`).uniform())
    const data = Uint8Array.from({ length: FRAMES * size * size * 3 }, (_, at) => {
      const [t, y, x] = [
        Math.floor(at / (size * size * 3)),
        Math.floor(at / (size * 3)) % size,
        Math.floor(at / 3) % size,
      ]
      return 128 + 120 * Math.sin((a! * x + b! * y) / 6 + c! * t + (at % 3))
    })
    const frames = { width: size, height: size, count: FRAMES, data }
    const pictures = Array.from({ length: FRAMES }, (_, at) => frameAt(frames, at))
    await writer.add({ pictures, name: `clip-${i}`, figure: `figure-${i}`, split })
  }
  await writer.finish()
}

describe('evaluate', () => {
  it('measures every row, writes the report, and makes no clip twice', async () => {
    const seen: EvaluationProgress[] = []
    const results = await evaluate({ ...options, onProgress: (progress) => seen.push(progress) })
    expect(results.data).toMatchObject({ split: 'test', clips: CLIPS, available: CLIPS + 1, frames: FRAMES, width: 64 })
    expect(results.rows.map(({ label }) => label)).toEqual(['unet 1 step', 'unet 2 steps'])
    for (const row of [...results.rows, results.reconstruction]) {
      expect(row.fvd).toBeGreaterThan(0)
      expect(row.fvdInterval[0]).toBeLessThanOrEqual(row.fvdInterval[1])
      expect(row.motions).toHaveLength(CLIPS)
    }
    for (const row of results.rows) {
      expect(row.diversity).toBeGreaterThan(0)
      expect(row.milliseconds!.denoise).toBeGreaterThan(0)
    }
    expect(seen.at(-1)).toMatchObject({ done: seen.at(-1)!.total })
    expect(seen.every(({ done }, i) => i === 0 || done > seen[i - 1]!.done)).toBe(true)

    expect(JSON.parse(await readFile(join(options.out, 'results.json'), 'utf8'))).toEqual(results)
    const page = await readFile(join(options.out, 'report.html'), 'utf8')
    const strips = [...page.matchAll(/data:image\/webp;base64,(UklGR[^"]+)"/g)].map(([, text]) => text!)
    expect(strips).toHaveLength(CLIPS)
    // Real, VAE and two rows side by side.
    const { width, pages } = await sharp(Buffer.from(strips[0]!, 'base64')).metadata()
    expect([width, pages]).toEqual([4 * (64 + 8), FRAMES])
    expect(page).not.toMatch(/(src|href)="(?!data:)/)
    expect(page).toContain(results.features.checksum)
    expect(printTable(results).split('\n')).toHaveLength(2 + 1 + 2)

    const clips = await TestClips.open(options.data, 'test', CLIPS, FRAMES)
    const torn = await Promise.all([...Array(CLIPS).keys()].map(async (i) => tornBlocks(await clips.clip(i))))
    const { frames, mean } = results.real.tornBlocks
    frames.forEach((share, i) => expect(share).toBeCloseTo(meanOf(torn.map((each) => each[i]!)), 9))
    expect(mean).toBeGreaterThan(0)
    expect(page).toContain(`<td>${(100 * mean).toFixed(1)} %</td>`)
    await clips.close()

    // Told the motion of the real clips, patterns that move differently.
    const told = new Set([...(await pngTimes()).keys()].flatMap((file) => /-motion-(\d+)-0/.exec(file)?.slice(1) ?? []))
    expect(told.size).toBeGreaterThan(1)
    const times = await pngTimes()
    expect(times.size).toBe(CLIPS + 2 * (CLIPS + CLIPS))
    const again = await evaluate({ ...options, timings: 0 })
    expect(again.rows.map(({ fvd, diversity }) => [fvd, diversity])).toEqual(
      results.rows.map(({ fvd, diversity }) => [fvd, diversity]),
    )
    expect(again.rows[0]!.milliseconds).toBeUndefined()
    expect(await pngTimes()).toEqual(times)
  })

  it('has other clips by another seed', async () => {
    const rows = { steps: '1', seeds: 1, timings: 0 }
    const one = await evaluate({ ...options, ...rows })
    const other = await evaluate({ ...options, ...rows, seed: 6 })
    expect(one.rows[0]!.fvd).not.toBe(other.rows[0]!.fvd)
    expect(one.rows[0]!.diversity).toBeUndefined()
  })

  it('stops between two clips when told, and keeps those that it made', async () => {
    const stop = new AbortController()
    const out = join(folder, 'stopped')
    const onProgress = ({ what }: EvaluationProgress) => what === 'unet 2 steps' && stop.abort()
    await expect(evaluate({ ...options, out, steps: '2', onProgress, signal: stop.signal })).rejects.toThrow(/abort/i)
    expect(await readdir(join(out, 'clips'))).toHaveLength(2)
    expect(await readdir(out)).toEqual(['clips'])
  })

  it.each([
    ['the reserved split', { split: 'reserved' as const }, /reserved is kept/],
    ['clips of another size', { data: 'small' }, /clips of 32x32, .* makes 64x64; .*--size 64/],
    ['a network that is not there', { steps: 'student@1' }, /no network student; those it has are unet/],
    ['features that are not there', { features: 'nowhere' }, /no features nowhere/],
    ['features of another length', { features: 'fluent' }, /look at clips of 14 frames, not 4/],
  ])('refuses %s', async (_, change: Partial<EvaluateOptions>, message) => {
    const data = change.data === undefined ? options.data : join(folder, change.data)
    await expect(evaluate({ ...options, ...change, data, out: join(folder, 'refused') })).rejects.toThrow(message)
  })
})

/** When each filmstrip was written. */
async function pngTimes(): Promise<Map<string, number>> {
  const names = (await readdir(options.out, { recursive: true })).filter((name) => name.endsWith('.png'))
  return new Map(
    await Promise.all(names.map(async (name) => [name, (await stat(join(options.out, name))).mtimeMs] as const)),
  )
}
