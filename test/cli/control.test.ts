import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { inProcess } from './sfv.js'

const SMALL = ['--model', TINY, '--frames', '3', '--size', '32x32', '--seed', '1']
const small = { frames: 3, width: 32, height: 32, seed: 1 }
let folder: string
let other: string
let mask: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-control-'))
  other = join(folder, 'other.png')
  await sharp(TINY_PICTURE).negate().toFile(other)
  mask = join(folder, 'mask.png')
  const black = { create: { width: 64, height: 64, channels: 3 as const, background: '#000' } }
  const white = {
    input: { create: { width: 32, height: 64, channels: 3 as const, background: '#fff' } },
    left: 0,
    top: 0,
  }
  await sharp(black).composite([white]).png().toFile(mask)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `sfv animate` on the tiny picture. */
async function animate(name: string, ...args: string[]) {
  const out = join(folder, name)
  const ended = await inProcess(['animate', TINY_PICTURE, '-o', out, ...SMALL, ...args])
  return { ...ended, out }
}

describe('what steers a clip', () => {
  it.each<[string, () => string[], () => object]>([
    ['an end frame', () => ['--end', other], () => ({ end: other })],
    ['a loop', () => ['--loop'], () => ({ loop: true })],
    [
      'drags',
      () => ['--move', '16,32:40%,32@10%', '--move', '60%,10%:60%,30%'],
      () => ({
        motions: [
          { from: [16, 32], to: ['40%', 32], radius: '10%' },
          { from: ['60%', '10%'], to: ['60%', '30%'] },
        ],
      }),
    ],
    ['masks', () => ['--still', mask, '--moving', other], () => ({ still: mask, moving: other })],
  ])('on the command line is what it is in the library, in a thread or without: %s', async (name, args, options) => {
    const { code, stderr, out } = await animate(`${name}.webp`, ...args())
    expect([code, stderr]).toEqual([0, expect.stringContaining('wrote')])
    for (const worker of [true, false]) {
      const sfv = await ImageToVideo.fromPretrained(TINY, { threads: 1, worker })
      const clip = await sfv.animate(TINY_PICTURE, { ...small, ...options() })
      const own = await clip.toBuffer('webp')
      const preview = await sfv.preview(TINY_PICTURE, { ...small, ...options() })
      expect(preview.frames).toMatchObject({ count: 3, width: 32, height: 32 })
      await sfv.dispose()
      expect(own.equals(readFileSync(out))).toBe(true)
    }
  })

  it.each<[string, string[], number, RegExp]>([
    ['no drag', ['--move', '16,32'], 2, /^sfv: --move is 16,32; give two places .*, such as 50%,40%:50%,20%@12%\n$/],
    ['no place', ['--move', 'a,b:1,2'], 2, /--move is a,b:1,2; give two places/],
    ['no end frame', ['--end', 'none.png'], 1, /none\.png: there is no such file/],
    ['no mask', ['--still', 'none.png'], 1, /none\.png: there is no such file/],
    [
      'both',
      ['--end', TINY_PICTURE, '--loop'],
      1,
      /a loop ends with its first frame; leave out the end frame, or loop/,
    ],
  ])('is refused in one sentence: %s', async (_, args, expected, message) => {
    const { code, stderr, out } = await animate('refused.webp', ...args)
    expect([code, stderr]).toEqual([expected, expect.stringMatching(message)])
    expect(existsSync(out)).toBe(false)
  })

  it('is never overwritten', async () => {
    const before = readFileSync(mask)
    for (const option of ['--end', '--still', '--moving']) {
      const ended = await inProcess(['animate', TINY_PICTURE, option, mask, '-o', mask, ...SMALL, '--frames', '1'])
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/would take the place of .*mask\.png/)])
    }
    expect(readFileSync(mask).equals(before)).toBe(true)
  })
})
