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
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outputPlaces, type OutputRequest } from '../../src/cli/output-names.js'
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

describe('names of clips', () => {
  const outs = (request: Partial<OutputRequest>) =>
    outputPlaces({ out: 'o/', pictures: ['a/cat.png'], seeds: [7], ...request }).clips.map(({ out }) => out)

  it.each<[string, Partial<OutputRequest>, string[]]>([
    ['one clip keeps its name', { out: 'x.webp' }, ['x.webp']],
    ['one clip fills a folder with frames', {}, ['o/']],
    ['a format makes it a file in the folder', { format: 'mp4' }, ['o/cat.mp4']],
    ['several pictures', { pictures: ['a/cat.png', 'dog.jpg'] }, ['o/cat.webp', 'o/dog.webp']],
    ['several pictures of one name', { pictures: ['a/cat.png', 'b/cat.jpg'] }, ['o/cat.webp', 'o/cat-2.webp']],
    ['frames of several pictures', { pictures: ['cat.png', 'dog.png'], format: 'png' }, ['o/cat/', 'o/dog/']],
    ['candidates', { out: 'x.gif', seeds: [7, 8] }, ['x-7.gif', 'x-8.gif']],
    ['candidates in a folder', { seeds: [7, 8], format: 'gif' }, ['o/cat-7.gif', 'o/cat-8.gif']],
    ['a pattern', { out: '{seed}/{name}.mp4', seeds: [7, 8] }, ['7/cat.mp4', '8/cat.mp4']],
    ['a pattern of folders', { out: '{name}/', pictures: ['cat.png', 'dog.png'] }, ['cat/', 'dog/']],
    ['signs that mean something to replace()', { out: '{name}.gif', pictures: ["$&$'.png"] }, ["$&$'.gif"]],
    ['the best of some', { out: 'x.gif', seeds: [7, 8], best: true }, ['x.gif']],
    ['the best of some in a folder', { seeds: [7, 8], best: true, format: 'gif' }, ['o/cat.gif']],
    ['standard input and output', { out: '-', pictures: ['-'], format: 'gif' }, ['-']],
    ['standard input has a name', { pictures: ['-', 'dog.png'] }, ['o/stdin.webp', 'o/dog.webp']],
  ])('%s', (_, request, expected) => expect(outs(request)).toEqual(expected))

  it.each<[RegExp, Partial<OutputRequest>]>([
    [/for 2 clips; give a folder\/, or a name with \{name\}/, { out: 'x.gif', pictures: ['a.png', 'b.png'] }],
    [/standard output takes one/, { out: '-', pictures: ['a.png', 'b.png'], format: 'gif' }],
    [/say with --format/, { out: '-' }],
    [/frames are several files/, { out: '-', format: 'png' }],
    [/--best keeps one seed; leave \{seed\} out/, { out: '{seed}.gif', seeds: [7, 8], best: true }],
    [/but --format is mp4; end the name in \.mp4/, { out: 'x.gif', format: 'mp4' }],
  ])('refuses: %s', (message, request) => expect(() => outs(request)).toThrow(message))

  it('are as many as clips, each its own', () => {
    const path = fc.constantFrom('a.png', 'b/a.jpg', 'c.webp', 'a-2.png', '-')
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 4 }), (pictures, batch) => {
        const made = outs({ pictures, seeds: Array.from({ length: batch }, (_, i) => i), format: 'gif' })
        expect(new Set(made).size).toBe(pictures.length * batch)
      }),
    )
  })
})

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
    for (const out of [join(folder, 'file', 'deep'), '/sys/sfv']) {
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
