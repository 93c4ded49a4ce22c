import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ClipStore } from '../../src/data/store.node.js'
import { inProcess } from './sfv.js'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-data-'))
  for (const name of ['red', 'blue'])
    await sharp({ create: { width: 24, height: 16, channels: 3, background: name } }).toFile(
      join(folder, `${name}.webp`),
    )
  writeFileSync(join(folder, 'broken.webp'), 'no picture')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('makes a store of a folder, and tells what it left out', async () => {
  const out = join(folder, 'store')
  const { code, stdout, stderr } = await inProcess(['data', folder, '-o', out, '--size', '16', '--fps', '8', '--json'])
  expect(code).toBe(0)
  expect(stderr).toContain('broken.webp')
  expect(JSON.parse(stdout)).toMatchObject({
    output: out,
    clips: 2,
    skipped: 1,
    settings: { size: { width: 16, height: 16 }, fps: 8 },
  })
  const store = await ClipStore.open(out, ['train', 'test'])
  expect([store.width, store.height, store.fps]).toEqual([16, 16, 8])
  expect(store.clips.map(({ name }) => name).sort()).toEqual(['blue.webp', 'red.webp'])
})

it('says how clips were split, and what the store cannot be used for', async () => {
  const store = (share: string) => [
    'data',
    folder,
    '-o',
    join(folder, `split-${share}`),
    '--size',
    '16',
    '--test',
    share,
  ]
  const all = await inProcess(store('1'))
  expect(all.stderr).toMatch(/wrote 2 clips to .*: 0 to train on, 2 to test with\nthere is none to train on: add clips/)
  const none = await inProcess(store('0'))
  expect(none.stderr).toMatch(/: 2 to train on, 0 to test with\nsfv eval needs two clips or more to test with: give/)
  const { code, stdout } = await inProcess([...store('0.5'), '--json'])
  expect(code).toBe(0)
  const { splits } = JSON.parse(stdout) as { splits: Record<string, number> }
  expect(splits['train']! + splits['test']!).toBe(2)
  const wrong = await inProcess(store('2'))
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--test is 2; give a number from 0 to 1')])
  const fixed = await inProcess(['data', 'fluent-emoji', '-o', join(folder, 'emoji'), '--test', '0.5'])
  expect([fixed.code, fixed.stderr]).toEqual([2, expect.stringContaining('how fluent-emoji is split is fixed')])
})

it('replaces a store only where it is told to', async () => {
  const out = join(folder, 'kept')
  const make = (...more: string[]) => inProcess(['data', folder, '-o', out, '--size', '16', ...more])
  expect((await make()).code).toBe(0)
  const before = readFileSync(join(out, 'index.json'), 'utf8')
  const refused = await make('--fps', '9')
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^sfv: .*kept holds a clip store already; give another folder, or add --force to replace it$/m,
    ),
  ])
  for (const source of ['fluent-emoji', 'icons'])
    expect((await inProcess(['data', source, '-o', out])).stderr).toMatch(/kept holds a clip store already/)
  expect(readFileSync(join(out, 'index.json'), 'utf8')).toBe(before)
  expect((await make('--fps', '9', '--force')).code).toBe(0)
  const store = await ClipStore.open(out, ['train', 'test'])
  expect(store.fps).toBe(9)
  await store.close()
})

it('takes the middle of pictures in the aspect ratio of the store', async () => {
  const wide = join(folder, 'wide')
  mkdirSync(wide)
  // Three bands, one above the other: of a square picture, a store of half its height has the middle.
  const band = (background: string, top: number) => ({
    input: { create: { width: 32, height: 8, channels: 3 as const, background } },
    ...{ top, left: 0 },
  })
  await sharp({ create: { width: 32, height: 32, channels: 3, background: '#00f' } })
    .composite([band('#f00', 0), band('#f00', 24)])
    .toFile(join(wide, 'bands.webp'))
  const out = join(folder, 'wide-store')
  const { code } = await inProcess(['data', wide, '-o', out, '--size', '32x16'])
  expect(code).toBe(0)
  const store = await ClipStore.open(out, ['train', 'test'])
  expect([store.width, store.height]).toEqual([32, 16])
  const { data } = await store.clip(0, 0, 1)
  const middle = 3 * (32 * 8 + 16)
  expect([...data.subarray(middle, middle + 3)].map((x) => Math.round(x / 255))).toEqual([0, 0, 1])
  expect(data.filter((x, i) => i % 3 === 0 && x > 128).length).toBeLessThan(data.length / 30)
  await store.close()
})

it('refuses what is no folder, and sizes that cannot be', async () => {
  const out = join(folder, 'none')
  const missing = await inProcess(['data', join(folder, 'nowhere'), '-o', out])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('nowhere')])
  const tiny = await inProcess(['data', folder, '-o', out, '--size', '2'])
  expect([tiny.code, tiny.stderr]).toEqual([
    2,
    expect.stringMatching(/^sfv: --size is 2; give sides from 8 to 4096 pixels, such as 768x448/),
  ])
  const odd = await inProcess(['data', folder, '-o', out, '--size', '32x16x8'])
  expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('--size is 32x16x8; give')])
  expect(existsSync(out)).toBe(false)
})
