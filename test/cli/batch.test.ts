import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rankClips } from '../../src/evaluation/rank.js'
import { readClipAt } from '../../src/media/read-clip.node.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { inProcess } from './sfv.js'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SMALL = ['--model', TINY, '--frames', '2', '--size', '32x32']

let folder: string
let picture: string
let moving: string
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sfv-batch-')))
  picture = join(folder, 'cat.png')
  copyFileSync(TINY_PICTURE, picture)
  moving = join(folder, 'moving.gif')
  const raw = { width: 32, height: 64, channels: 3 as const, pageHeight: 32 }
  const pages = Buffer.alloc(32 * 64 * 3, 200).fill(20, 32 * 32 * 3)
  await sharp(pages, { raw })
    .gif({ delay: [143, 143] })
    .toFile(moving)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

/** A new folder in the test's own. */
function place(name: string): string {
  mkdirSync(join(folder, name))
  return join(folder, name)
}

/** Runs a line of bash in which `sfv` is the command, from the sources. */
function shell(line: string) {
  const script = `sfv() { ${process.execPath} --import tsx ${MAIN} "$@"; }; ${line}`
  return spawnSync('bash', ['-c', script], { cwd: ROOT, maxBuffer: 1e8 })
}

describe('several clips', () => {
  it('are made with the model opened once; one that fails is told and left out', async () => {
    const out = place('several')
    writeFileSync(join(out, 'broken.png'), 'no picture')
    const files = [picture, join(out, 'broken.png'), picture]
    const { code, stdout, stderr } = await inProcess(['animate', ...files, '-o', `${out}/clips/`, ...SMALL, '--json'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^sfv: cannot read .*broken\.png: it is not a picture/m)
    expect(stderr).toMatch(/^sfv: 1 of 3 clips could not be made; see above/m)
    expect(readdirSync(join(out, 'clips')).sort()).toEqual(['cat-2.webp', 'cat.webp'])
    const { clips } = JSON.parse(stdout) as { clips: { output: string[]; seed: number }[] }
    expect(clips.map(({ output }) => output)).toEqual([[`${out}/clips/cat.webp`], [`${out}/clips/cat-2.webp`]])
    expect(new Set(clips.map(({ seed }) => seed)).size).toBe(1)
  })

  it('are of the pictures that a quoted pattern matches, and of a file whose name looks like one', async () => {
    const out = place('patterns')
    for (const name of ['b.png', 'a.png', 'c.txt', '[x].png']) copyFileSync(picture, join(out, name))
    const named = async (pattern: string) => {
      const clips = join(out, 'clips')
      rmSync(clips, { recursive: true, force: true })
      const ended = await inProcess(['animate', join(out, pattern), '-o', `${clips}/`, ...SMALL, '--format', 'webp'])
      return ended.code === 0 ? readdirSync(clips).sort() : ended.stderr
    }
    expect(await named('?.png')).toEqual(['a.webp', 'b.webp'])
    expect(await named('{a,c}.*')).toEqual(['a.webp', 'c.webp'])
    expect(await named('[x].png')).toEqual(['[x].webp'])
    expect(await named('*.gif')).toMatch(/^sfv: no picture matches .*\*\.gif; check the pattern and the folder\n$/)
  })

  it('of one picture have seeds in a row, are what each seed gives, and lie on a contact sheet', async () => {
    const out = place('candidates')
    const { code } = await inProcess([
      'animate',
      picture,
      '-o',
      join(out, 'c.apng'),
      ...SMALL,
      '--batch',
      '3',
      '--seed',
      '5',
    ])
    expect([code, readdirSync(out).sort()]).toEqual([0, ['c-5.apng', 'c-6.apng', 'c-7.apng', 'c-sheet.png']])
    await inProcess(['animate', picture, '-o', join(out, 'alone.apng'), ...SMALL, '--seed', '6'])
    expect(readFileSync(join(out, 'alone.apng')).equals(readFileSync(join(out, 'c-6.apng')))).toBe(true)
    const { width, height } = await sharp(join(out, 'c-sheet.png')).metadata()
    expect([width > 64, height > 96]).toEqual([true, true])
  })
})

describe('the best of several', () => {
  it('is what its seed gives, by the ranking of all, and lies on top of the sheet', async () => {
    const out = place('best')
    const asked = [...SMALL, '--frames', '3', '--seed', '5']
    const all = await inProcess(['animate', picture, '-o', join(out, 'all.apng'), ...asked, '--batch', '3'])
    const clips = [5, 6, 7].map((seed) => join(out, `all-${seed}.apng`))
    const frames = []
    for (const clip of clips)
      frames.push(await readClipAt(clip, { fps: 7, size: { width: 32, height: 32 }, maxFrames: 3 }))
    const best = rankClips(frames.map((each) => each.frames))[0]!.index
    const { code, stdout } = await inProcess([
      ...['animate', picture, '-o', join(out, 'one.apng'), ...asked],
      ...['--batch', '3', '--best', '--json'],
    ])
    expect([all.code, code]).toEqual([0, 0])
    expect(readFileSync(join(out, 'one.apng')).equals(readFileSync(clips[best]!))).toBe(true)
    const report = JSON.parse(stdout) as { clips: { seed: number }[]; sheets: string[] }
    expect(report).toMatchObject({ clips: [{ seed: 5 + best }], sheets: [join(out, 'one-sheet.png')] })
    expect(
      readdirSync(out)
        .filter((name) => name.startsWith('one'))
        .sort(),
    ).toEqual(['one-sheet.png', 'one.apng'])
  })

  it('needs several', async () => {
    const { code, stderr } = await inProcess(['animate', picture, '-o', join(folder, 'x.webp'), ...SMALL, '--best'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('give --batch with their number too')])
  })
})

describe('pipes', () => {
  it('bring pictures in and clips out', async () => {
    const out = place('pipes')
    const flags = SMALL.join(' ')
    const { status, stderr, stdout } = shell(`cat ${picture} | sfv animate - -o - --format gif ${flags} --seed 3`)
    expect([status, stderr.toString()]).toEqual([0, expect.not.stringContaining('wrote')])
    expect(await sharp(stdout, { animated: true }).metadata()).toMatchObject({ format: 'gif', pages: 2, width: 32 })
    const named = shell(`sfv animate <(cat ${picture}) -o ${out}/named.gif ${flags} --seed 3`)
    expect(named.status).toBe(0)
    expect(readFileSync(join(out, 'named.gif')).equals(stdout)).toBe(true)
  })

  it('bring clips in, pictures and videos', async () => {
    const out = place('clips-in')
    const flags = `--first-frame ${picture} ${SMALL.join(' ')} --seed 3`
    const { status, stdout } = shell(`cat ${moving} | sfv edit - -o - --format gif ${flags}`)
    expect(status).toBe(0)
    await inProcess(['edit', moving, '-o', join(out, 'named.gif'), ...flags.split(' ')])
    expect(readFileSync(join(out, 'named.gif')).equals(stdout)).toBe(true)
    if (hasFfmpeg) {
      const made = shell(`ffmpeg -v error -stream_loop 3 -i ${moving} ${out}/clip.mp4`)
      expect(made.status).toBe(0)
      expect(shell(`cat ${out}/clip.mp4 | sfv edit - -o ${out}/video.gif ${flags}`).status).toBe(0)
      expect(await sharp(join(out, 'video.gif'), { animated: true }).metadata()).toMatchObject({ pages: 2, width: 32 })
    }
    const refused = (input: string, args = '') => shell(`${input} | sfv edit - -o ${out}/x.gif ${flags} ${args}`)
    expect(refused('true').stderr.toString()).toMatch(/sfv: standard input is empty; pipe a clip into it\n$/)
    expect(refused('echo nonsense').stderr.toString()).toMatch(/sfv: cannot read standard input: .*; \w.*\n$/)
    const twice = refused('true', '--first-frame -')
    expect([twice.status, twice.stderr.toString()]).toEqual([2, expect.stringContaining('are both -; give the path')])
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('sfv-stdin-'))).toEqual([])
  })

  it('may be closed by their reader', () => {
    const help = shell('sfv animate --help | head -1; echo ${PIPESTATUS[0]}')
    expect([help.stdout.toString(), help.stderr.toString()]).toEqual([
      'Usage: sfv animate [options] <images...>\n0\n',
      '',
    ])
    const info = shell(`sfv info ${TINY} --json | true; echo \${PIPESTATUS[0]}`)
    expect([info.stdout.toString(), info.stderr.toString()]).toEqual(['0\n', ''])
  })

  it('that break otherwise end the command with a sentence', () => {
    const { status, stderr } = shell(`sfv info ${TINY} --json > /dev/full`)
    expect([status, stderr.toString()]).toEqual([
      1,
      expect.stringMatching(/^sfv: cannot write to standard output: ENOSPC.*\n$/),
    ])
  })

  it('take one clip, and no report', async () => {
    const refused = await inProcess(['animate', picture, '-o', '-', '--format', 'gif', '--json', ...SMALL])
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('leave out --json')])
  })
})

describe('what is read', () => {
  it.each([
    ['itself', (source: string) => source],
    ['a link to it', (source: string) => (symlinkSync(source, `${source}-l.webp`), `${source}-l.webp`)],
    ['a second name of it', (source: string) => (linkSync(source, `${source}-h.webp`), `${source}-h.webp`)],
  ])('is never overwritten: -o is %s', async (name, link) => {
    const source = join(place(`same ${name}`), 'cat.webp')
    await sharp(picture).toFile(source)
    const before = readFileSync(source)
    const out = link(source)
    const { code, stderr } = await inProcess(['animate', source, '-o', out, ...SMALL])
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/would take the place of .*cat\.webp, which is read; choose/),
    ])
    const first = ['--first-frame', picture]
    expect((await inProcess(['edit', source, ...first, '-o', out, ...SMALL])).stderr).toMatch(/would take the place/)
    expect(readFileSync(source).equals(before)).toBe(true)
  })

  it.each([
    ['x-01.png', 'x.png'],
    ['x1.png', 'x%d.png'],
    ['frame-00.png', './'],
  ])('is never overwritten by frames: %s by %s', async (name, out) => {
    const source = join(place(`frames ${name}`), name)
    copyFileSync(picture, source)
    const { code, stderr } = await inProcess(['animate', source, '-o', join(source, '..', '/') + out, ...SMALL])
    expect([code, stderr]).toEqual([1, expect.stringContaining('would take the place of')])
  })
})

describe('where clips go', () => {
  it('through a link: its target is written, the link stays', async () => {
    const out = place('links')
    mkdirSync(join(out, 'real'))
    symlinkSync('real/new.gif', join(out, 'link.gif'))
    symlinkSync('link.gif', join(out, 'second.gif'))
    expect((await inProcess(['animate', picture, '-o', join(out, 'second.gif'), ...SMALL])).code).toBe(0)
    expect([
      lstatSync(join(out, 'link.gif')).isSymbolicLink(),
      lstatSync(join(out, 'second.gif')).isSymbolicLink(),
    ]).toEqual([true, true])
    expect(readdirSync(join(out, 'real'))).toEqual(['new.gif'])
  })

  it('under a name as long as may be; a longer one is refused before the work', async () => {
    const out = place('long')
    const longest = `${'é'.repeat(122)}.webp`
    expect((await inProcess(['animate', picture, '-o', join(out, longest), ...SMALL])).code).toBe(0)
    expect(readdirSync(out)).toEqual([longest])
    for (const name of [`${'x'.repeat(250)}.webp`, `${'é'.repeat(125)}.webp`, `${'x'.repeat(300)}/a.webp`]) {
      const { code, stderr } = await inProcess(['animate', picture, '-o', join(out, name), '--model', 'never opened'])
      expect([code, stderr]).toEqual([1, expect.stringMatching(/has \d+ bytes; give one of at most 250/)])
    }
  })

  it.each([
    ['animate', (out: string) => ['animate', picture, '-o', `${out}/a.webp`, ...SMALL]],
    ['animate, frames', (out: string) => ['animate', picture, '-o', `${out}/`, ...SMALL]],
    ['animate, candidates', (out: string) => ['animate', picture, '-o', `${out}/a.gif`, '--batch', '2', ...SMALL]],
    ['edit', (out: string) => ['edit', moving, '--first-frame', picture, '-o', `${out}/a.webp`, ...SMALL]],
    ['data', (out: string) => ['data', folder, '-o', out]],
    ['init', (out: string) => ['init', '--config', 'svd', '-o', out]],
  ])('is refused in one sentence where nothing can be written: %s', async (_, args) => {
    writeFileSync(join(folder, 'file'), '')
    for (const out of [join(folder, 'file', 'deep'), '/sys/sfv', '/proc/sfv/deep']) {
      const before = readdirSync(folder)
      const { code, stderr } = await inProcess(args(out))
      const lines = stderr.trim().split('\n')
      expect(
        lines
          .filter((line) => !/has no student|^passed over/.test(line))
          .every((line) => line.startsWith('sfv: cannot') || line.includes('see above')),
      ).toBe(true)
      expect(lines.some((line) => line.includes(out.slice(0, 4)))).toBe(true)
      expect([code, stderr.includes('mistake in sfv')]).toEqual([1, false])
      expect(readdirSync(folder)).toEqual(before)
    }
  })
})
