import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { inProcess, sfv } from './sfv.js'

const SMALL = ['--model', TINY, '--frames', '4', '--size', '32x32', '--seed', '1']
let folder: string
let clip: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-extend-'))
  clip = join(folder, 'clip.webp')
  const { code } = await inProcess(['animate', TINY_PICTURE, '-o', clip, ...SMALL, '--fps', '10'])
  expect(code).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Frames, their durations and the size of a file, by a reader of its own. */
async function read(path: string) {
  const { pages, delay, width, pageHeight } = await sharp(readFileSync(path), { animated: true }).metadata()
  return { pages, delay, width, pageHeight }
}

describe('a longer clip', () => {
  it('of a picture has the seconds that are asked for, and tells its drift', async () => {
    const out = join(folder, 'long.webp')
    const ended = await inProcess(['animate', TINY_PICTURE, '-o', out, ...SMALL, '--seconds', '1.5', '--json'])
    expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining('drift')])
    // 1.5 seconds at 7 pictures per second are 10.5, rounded up.
    expect(await read(out)).toMatchObject({ pages: 11, width: 32, pageHeight: 32 })
    const nearness = { colours: expect.any(Number) as number, sharpness: expect.any(Number) as number }
    expect(JSON.parse(ended.stdout)).toMatchObject({
      settings: { frames: 11, seconds: 1.5 },
      drift: { first: nearness, last: nearness },
    })
    const told = await inProcess(['animate', TINY_PICTURE, '-o', out, ...SMALL, '--seconds', '1.5'])
    expect(told.stderr).toMatch(
      /drift from the first frame: colours [\d.]+ dB in the first clip, [\d.]+ dB in the last; sharpness/,
    )
    const short = await inProcess(['animate', TINY_PICTURE, '-o', out, ...SMALL, '--seconds', '0.4'])
    expect([short.stderr.includes('drift'), (await read(out)).pages]).toEqual([false, 3])
  })

  it('of a clip goes on at its own rate, as in the library, in a thread or without', async () => {
    const out = join(folder, 'extended.webp')
    const { code, stderr } = await inProcess(['extend', clip, '-n', '2', '-o', out, ...SMALL])
    expect([code, stderr]).toEqual([0, expect.stringContaining('drift')])
    expect(await read(out)).toMatchObject({ pages: 4 + 2 * 2, delay: Array<number>(8).fill(100) })
    for (const worker of [true, false]) {
      const model = await ImageToVideo.fromPretrained(TINY, { threads: 1, worker })
      const long = await model.extend(clip, { frames: 4, width: 32, height: 32, seed: 1, links: 2 })
      await model.dispose()
      expect((await long.toBuffer('webp')).equals(readFileSync(out))).toBe(true)
    }
    const closed = await inProcess(['extend', clip, '--loop', '--end', TINY_PICTURE, '-o', out, ...SMALL])
    expect([closed.code, closed.stderr]).toEqual([1, expect.stringContaining('a loop ends with its first frame')])
    const looped = await inProcess(['extend', clip, '--loop', '-o', out, ...SMALL])
    expect([looped.code, (await read(out)).pages]).toEqual([0, 4 + 2 - 1])
  })

  it.each<[string, () => string[], number, RegExp]>([
    ['no clip', () => ['extend', 'none.webp'], 1, /none\.webp: .*give the path of a clip/],
    ['a still', () => ['extend', TINY_PICTURE], 1, /does not move; give a video, an animated WebP or a GIF/],
    ['no links', () => ['extend', clip, '-n', '0'], 2, /--links is 0; give a whole number from 1 to 100/],
    ['its own place', () => ['extend', clip, '-o', clip], 1, /would take the place of/],
    [
      'drags along a chain',
      () => ['animate', TINY_PICTURE, '--seconds', '3', '--move', '1,1:9,9'],
      1,
      /motions are of one clip; leave out seconds, drag first, and extend the clip/,
    ],
    [
      'no length',
      () => ['animate', TINY_PICTURE, '--seconds', '0'],
      2,
      /--seconds is 0; give a number from 0\.1 to 600/,
    ],
  ])('is refused in one sentence: %s', async (_, args, expected, message) => {
    const out = join(folder, 'refused.webp')
    const { code, stderr } = await inProcess([args()[0]!, ...SMALL, '-o', out, ...args().slice(1)])
    expect([code, stderr]).toEqual([expected, expect.stringMatching(message)])
    expect(existsSync(out)).toBe(false)
  })

  it('leaves nothing behind where it is ended on its way', async () => {
    const place = mkdtempSync(join(folder, 'ended-'))
    const out = join(place, 'clip.webp')
    writeFileSync(join(place, 'mine.txt'), 'mine')
    const args = ['animate', TINY_PICTURE, '-o', out, '--model', TINY, '--steps', '40', '--seconds', '60', '--json']
    const ended = await sfv(args, (child) => setTimeout(() => child.kill('SIGINT'), 6000))
    expect([ended.code === 0, ended.stdout]).toEqual([false, ''])
    expect(readdirSync(place)).toEqual(['mine.txt'])
  })
})
