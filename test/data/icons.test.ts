import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { create } from 'tar'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { iconFigure, iconSplit, readIcons, type IconSet } from '../../src/data/icons.node.js'

const SET: IconSet = { prefix: 'shapes', margin: 0.1, source: { name: 'shapes', version: '1.0.0', sha512: '' } }
const SIZE = { width: 48, height: 48 }
let folder: string

const pack = async (name: string, files: Readonly<Record<string, string>>): Promise<string> => {
  const root = join(folder, name, 'package')
  await mkdir(root, { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(join(root, file), text)
  const path = join(folder, `${name}.tgz`)
  await create({ gzip: true, file: path, cwd: join(folder, name) }, ['package'])
  return path
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-icons-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('renders the drawings of a package whole, with a margin, and leaves out old names', async () => {
  const icons = {
    square: { body: '<path fill="#f00" d="M0 0h20v20H0z"/>' },
    wide: { body: '<path fill="#00f" d="M0 0h40v20H0z"/>', width: 40 },
    old: { body: '<path d="M0 0h1v1H0z"/>', hidden: true },
  }
  const text = JSON.stringify({ prefix: 'shapes', icons, width: 20, height: 20 })
  const [square, wide, ...more] = await readIcons(SET, await pack('good', { 'icons.json': text }), SIZE)
  expect([square?.name, wide?.name, more.length]).toEqual(['shapes/square', 'shapes/wide', 0])
  const pixels = async (svg: Uint8Array) => {
    const { data, info } = await sharp(svg).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([48, 48])
    return (x: number, y: number) => [...data.subarray(4 * (y * 48 + x), 4 * (y * 48 + x) + 4)]
  }
  // 10 % of 20 on each side: 4 of 48 pixels are margin.
  const red = await pixels(square!.svg)
  expect([red(2, 24), red(45, 24), red(6, 6), red(41, 41)]).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [255, 0, 0, 255],
    [255, 0, 0, 255],
  ])
  // Twice as wide as high: as wide as the square, in the middle of the height.
  const blue = await pixels(wide!.svg)
  expect([blue(24, 10), blue(24, 37), blue(6, 24), blue(41, 24)]).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 255, 255],
    [0, 0, 255, 255],
  ])
})

it('refuses a package without icons in one sentence', async () => {
  await expect(readIcons(SET, await pack('none', { 'other.json': '{}' }), SIZE)).rejects.toThrow(
    /none\.tgz holds no icons/,
  )
  const broken = await pack('broken', { 'icons.json': '{"icons": {"a": {}}}' })
  await expect(readIcons(SET, broken, SIZE)).rejects.toThrow(/cannot read icons\.json in .*broken\.tgz: .*body/)
})

it('puts a figure on one side in all its skin tones', () => {
  const tones = ['', '-light-skin-tone', '-medium-dark-skin-tone', '-dark-skin-tone-medium-light-skin-tone']
  expect(new Set(tones.map((tone) => iconFigure(`noto/handshake${tone}`)))).toEqual(new Set(['noto/handshake']))
  expect(iconFigure('noto/man-dark-skin-tone-bald')).toBe('noto/man-bald')
  expect(iconFigure('noto/new-moon-face')).toBe('noto/new-moon-face')
})

it('takes a tenth for testing and a tenth for nothing, by the sum of the name', () => {
  const names = Array.from({ length: 3000 }, (_, i) => `set/name-${i}`)
  const count = (split: string) => names.filter((name) => iconSplit(name) === split).length
  // Of 256 bytes, 26 end each of these remainders.
  for (const split of ['test', 'reserved']) expect(Math.abs(count(split) / 3000 - 26 / 256)).toBeLessThan(0.02)
  const first = parseInt(createHash('sha256').update('noto/duck').digest('hex').slice(0, 2), 16) % 10
  expect(iconSplit('noto/duck')).toBe(first === 0 ? 'test' : first === 1 ? 'reserved' : 'train')
})
