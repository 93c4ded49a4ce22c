import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMetadata } from '../../src/media/read-metadata.node.js'
import { Random } from '../../src/runtime/random.js'
import { pictureTold, tellPicture } from '../../src/pipeline/told-pictures.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { inProcess } from './sfv.js'

const MODEL = ['--model', TINY]
let folder: string
let mask: string
let other: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-like-'))
  mask = join(folder, 'mask.png')
  other = join(folder, 'other.png')
  await sharp(TINY_PICTURE).negate().toFile(other)
  const white = {
    input: { create: { width: 32, height: 64, channels: 3 as const, background: '#fff' } },
    left: 0,
    top: 0,
  }
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#000' } })
    .composite([white])
    .png()
    .toFile(mask)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `sfv animate`; the file's bytes. */
async function animate(name: string, ...args: string[]): Promise<Buffer> {
  const out = join(folder, name)
  const { code, stderr } = await inProcess(['animate', '-o', out, ...MODEL, ...args])
  expect([code, stderr]).toEqual([0, expect.stringContaining('wrote')])
  return readFileSync(out)
}

describe('a clip like another', () => {
  const settings = [
    '--frames',
    '3',
    '--size',
    '32x64',
    '--fps',
    '9',
    '--seed',
    '5',
    '--motion',
    'high',
    '--noise-aug',
    '0.1',
  ]

  it.each(['webp', 'gif', 'apng', 'mp4', 'webm'])('is made by the settings that a file of %s holds', async (ending) => {
    const made = await animate(`a.${ending}`, TINY_PICTURE, ...settings, '--fit', 'contain', '--move', '10,10:20,20')
    const like = ['--like', join(folder, `a.${ending}`)]
    const again = await animate(`b.${ending}`, ...like, TINY_PICTURE)
    // Files of WebM and MP4 hold times of their own making.
    const [first, second] = [
      await readMetadata(join(folder, `a.${ending}`)),
      await readMetadata(join(folder, `b.${ending}`)),
    ]
    expect(second).toEqual(first)
    expect(first).toMatchObject({ frames: '3', size: '32x64', fps: '9', motion: '187', seed: '5', fit: 'contain' })
    if (!/mp4|webm/.test(ending)) expect(again.equals(made)).toBe(true)
    await animate(`c.${ending}`, ...like, other, '--seed', '6', '--fps', '4')
    expect(await readMetadata(join(folder, `c.${ending}`))).toEqual({ ...first, seed: '6', fps: '4' })
  })

  it('is read by others where it is written: ffprobe', () => {
    const asked = ['-v', 'error', '-show_entries', 'format_tags=comment', '-of', 'json', join(folder, 'a.mp4')]
    const { status, stdout } = spawnSync('ffprobe', asked, { encoding: 'utf8' })
    if (status !== 0) return
    const { format } = JSON.parse(stdout) as { format: { tags: { comment: string } } }
    expect(JSON.parse(format.tags.comment)).toMatchObject({ software: 'sfv', frames: '3' })
  })

  it('has its masks whole, its guidance, its loop, its length', async () => {
    const more = [
      '--still',
      mask,
      '--steps',
      '2',
      '--guidance',
      '1:2',
      '--loop',
      '--seconds',
      '1',
      '--frames',
      '4',
      '--size',
      '32x32',
    ]
    const made = await animate('m.webp', TINY_PICTURE, '--seed', '3', ...more)
    const again = await animate('n.webp', '--like', join(folder, 'm.webp'), TINY_PICTURE)
    expect(again.equals(made)).toBe(true)
    expect(await readMetadata(join(folder, 'm.webp'))).toMatchObject({
      loop: 'true',
      seconds: '1',
      guidance: '1:2',
      frames: '4',
    })
    const free = await animate('o.webp', TINY_PICTURE, '--seed', '3', ...more.slice(2))
    expect(free.equals(made)).toBe(false)
  })

  it('wants again what was too large to be held', async () => {
    const args = ['--frames', '3', '--size', '32x32', '--seed', '1', '--end', other]
    const made = await animate('e.webp', TINY_PICTURE, ...args)
    expect((await readMetadata(join(folder, 'e.webp')))['end']).toMatch(/^64x64, sha256: [0-9a-f]{64}$/)
    const out = join(folder, 'refused.webp')
    const like = ['--like', join(folder, 'e.webp'), TINY_PICTURE]
    const { code, stderr } = await inProcess(['animate', ...MODEL, ...like, '-o', out])
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^sfv: .*e\.webp was made with an end frame, and holds its checksum alone; give it with --end\n$/,
      ),
    ])
    expect(existsSync(out)).toBe(false)
    expect((await animate('f.webp', ...like, '--end', other)).equals(made)).toBe(true)
  })

  it('is refused in one sentence where it cannot be made', async () => {
    const refused = async (like: string, ...args: string[]) => {
      const { code, stderr } = await inProcess([
        'animate',
        '--like',
        like,
        TINY_PICTURE,
        '-o',
        join(folder, 'r.webp'),
        ...args,
      ])
      expect([code, existsSync(join(folder, 'r.webp'))]).toEqual([1, false])
      return stderr
    }
    expect(await refused(TINY_PICTURE)).toMatch(
      /cannot read the settings in .*: it has none; give a clip that sfv wrote/,
    )
    expect(await refused(join(folder, 'none.webp'))).toMatch(/none\.webp: .*no such file.*; give a clip that sfv wrote/)
    await animate('x.webp', TINY_PICTURE, '--frames', '3', '--size', '32x32')
    expect(await refused(join(folder, 'x.webp'))).toMatch(
      /was made by the model pipeline-tiny; give its folder or hub id with --model/,
    )
    const edited = join(folder, 'edit.webp')
    const small = ['--frames', '3', '--size', '32x32', ...MODEL]
    await inProcess(['edit', join(folder, 'x.webp'), '--first-frame', other, '-o', edited, ...small])
    expect(await refused(edited, ...MODEL)).toMatch(/sfv edit made it of another clip; use that, with its --strength/)
    await inProcess(['extend', join(folder, 'x.webp'), '-o', edited, ...small])
    expect(await refused(edited, ...MODEL)).toMatch(/sfv extend made it of another clip; use that, with -n/)
  })
})

it('a picture is told whole where that is short, with its opacity, else by its checksum', async () => {
  const grey = { width: 20, height: 10, data: new Uint8Array(600).fill(7), alpha: new Uint8Array(200).map((_, i) => i) }
  const told = await tellPicture(grey)
  expect(told.length).toBeLessThan(4096)
  expect(pictureTold(told)).toEqual(grey)
  const noisy = {
    width: 64,
    height: 64,
    data: Uint8Array.from(new Random(1, 'noise').normals(3 * 4096), (value) => 128 + 50 * value),
  }
  expect(await tellPicture(noisy)).toMatch(/^64x64, sha256: [0-9a-f]{64}$/)
  expect(pictureTold(await tellPicture(noisy))).toBeUndefined()
  expect(pictureTold('20x10, deflated: AAAA')).toBeUndefined()
})
