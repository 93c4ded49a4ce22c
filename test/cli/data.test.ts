import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
  expect(JSON.parse(stdout)).toMatchObject({ output: out, clips: 2, skipped: 1, settings: { size: 16, fps: 8 } })
  const store = await ClipStore.open(out, ['train', 'test'])
  expect([store.width, store.height, store.fps]).toEqual([16, 16, 8])
  expect(store.clips.map(({ name }) => name).sort()).toEqual(['blue.webp', 'red.webp'])
})

it('refuses what is no folder, and sizes that cannot be', async () => {
  const out = join(folder, 'none')
  const missing = await inProcess(['data', join(folder, 'nowhere'), '-o', out])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('nowhere')])
  const tiny = await inProcess(['data', folder, '-o', out, '--size', '2'])
  expect([tiny.code, tiny.stderr]).toEqual([2, 'sfv: --size is 2; give a whole number from 8 to 4096\n'])
  expect(existsSync(out)).toBe(false)
})
