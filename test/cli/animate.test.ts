import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { inProcess, sfv } from './sfv.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const small = ['--model', TINY, '--frames', '2', '--size', '32x32']

/** A copy of the tiny model to break. */
function brokenModel(name: string, breakIt: (model: string) => void): string {
  const model = join(folder, name)
  cpSync(TINY, model, { recursive: true, filter: (path) => !/case|image\.png/.test(path) })
  breakIt(model)
  return model
}

describe('a clip', () => {
  it('is written, and what was done is told as JSON', async () => {
    const out = join(folder, 'cat.webp')
    const { code, stdout, stderr } = await sfv(['animate', TINY_PICTURE, '-o', out, ...small, '--seed', '7', '--json'])
    expect([code, stderr]).toEqual([0, expect.stringContaining('has no student')])
    const report = JSON.parse(stdout) as Record<string, Record<string, unknown>>
    expect(report).toMatchObject({
      output: [out],
      seed: 7,
      settings: { steps: 1, frames: 2, width: 32, height: 32, fps: 7 },
    })
    expect(Object.keys(report['milliseconds']!).sort()).toEqual([
      'decode',
      'denoise',
      'encode',
      'open',
      'save',
      'total',
    ])
    expect(await sharp(readFileSync(out), { animated: true }).metadata()).toMatchObject({
      width: 32,
      pageHeight: 32,
      pages: 2,
    })
  })

  it('is told in one line without --json, and has the size of the model unless told', async () => {
    const out = join(folder, 'native.apng')
    const { code, stdout, stderr } = await inProcess([
      'animate',
      TINY_PICTURE,
      '-o',
      out,
      '--model',
      TINY,
      '--seed',
      '1',
    ])
    expect([code, stdout, stderr]).toEqual([0, '', expect.stringContaining('native.apng')])
    expect(stderr).toMatch(/wrote .*native\.apng in [\d.]+ s \(seed 1\)\n$/)
    expect(await sharp(readFileSync(out)).metadata()).toMatchObject({ width: 64, height: 64 })
  })
})

describe('the file', () => {
  it('is cut out, sized and made to fit', async () => {
    const out = join(folder, 'sticker.webp')
    const fit = ['--alpha', 'key', '--file-size', '48', '--limit', '2KB']
    const { code, stderr } = await inProcess(['animate', TINY_PICTURE, '-o', out, ...small, ...fit])
    expect([code, stderr]).toEqual([0, expect.stringContaining('wrote')])
    const bytes = readFileSync(out)
    expect(bytes.length).toBeLessThanOrEqual(2000)
    expect(await sharp(bytes, { animated: true }).metadata()).toMatchObject({ format: 'webp', pages: 2 })
  })

  it.each([
    [['--limit', '128'], 2, /--limit is 128; give an amount such as/],
    [['--file-size', '4'], 2, /--file-size is 4; give a whole number from 8/],
    [['--alpha', 'key'], 1, /mp4 keeps no transparency here; choose one of webm, webp, gif, apng, png/],
  ] as const)('%s are refused', async (asked, code, message) => {
    const out = join(folder, 'refused.mp4')
    const ended = await inProcess(['animate', TINY_PICTURE, '-o', out, ...small, ...asked])
    expect(ended.stderr).toMatch(message)
    expect([ended.code, existsSync(out)]).toEqual([code, false])
  })
})

describe('bad input ends with one sentence and code 1', () => {
  const png = (name: string, width: number, height: number) => async () => {
    const path = join(folder, name)
    await sharp({ create: { width, height, channels: 3, background: '#fff' } })
      .png()
      .toFile(path)
    return path
  }
  const file = (name: string, content: string) => () => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const pictures: [string, () => string | Promise<string>, RegExp][] = [
    ['not a picture', file('text.png', 'no picture'), /text\.png: it is not a picture/],
    ['an empty file', file('empty.png', ''), /empty\.png: it is empty/],
    ['a folder', () => folder, /it is a folder; give one picture/],
    ['no file', () => join(folder, 'none.png'), /none\.png: there is no such file/],
    ['one pixel', png('pixel.png', 1, 1), /pixel\.png: it has 1 x 1 pixels; give one with sides of at least/],
    ['20,000 pixels', png('long.png', 20_000, 10), /long\.png: it has 20000 x 10 pixels; scale it down/],
  ]
  it.each(pictures)('picture: %s', async (_, make, message) => {
    const { code, stderr } = await inProcess(['animate', await make(), '-o', join(folder, 'out.webp'), ...small])
    expect(stderr).toMatch(message)
    expect([code, sentences(stderr)]).toEqual([1, 1])
  })

  const unet = (model: string) => join(model, 'unet', 'diffusion_pytorch_model.safetensors')
  const models: [string, () => string, RegExp][] = [
    ['missing', () => join(folder, 'no-model'), /there is no model folder .*no-model/],
    [
      'another folder',
      () => brokenModel('bare', (model) => rmSync(join(model, 'model_index.json'))),
      /model_index\.json/,
    ],
    [
      'truncated',
      () => brokenModel('cut', (model) => truncateSync(unet(model), 200_000)),
      /cut.*is not a valid safetensors file/,
    ],
    [
      'of another architecture',
      () => brokenModel('other', (model) => cpSync(unet(model).replace('unet', 'vae'), unet(model))),
      /is not a checkpoint of UNetSpatioTemporalConditionModel \(missing: "time_embedding\.linear_1\.weight", .* and 421 more; unexpected: /,
    ],
    ['without weights', () => brokenModel('empty', (model) => rmSync(unet(model))), /unet holds no weights/],
  ]
  it.each(models)('model: %s', async (_, make, message) => {
    const { code, stderr } = await inProcess([
      'animate',
      TINY_PICTURE,
      '-o',
      join(folder, 'out.webp'),
      '--model',
      make(),
    ])
    expect(stderr).toMatch(message)
    expect(code).toBe(1)
  })

  it('a size that the model cannot do', async () => {
    const out = join(folder, 'out.webp')
    const { code, stderr } = await inProcess(['animate', TINY_PICTURE, '-o', out, '--model', TINY, '--size', '60x32'])
    expect(stderr).toBe('sfv: this model cannot make 60x32 pixels: give sides that are multiples of 8, such as 64x32\n')
    expect(code).toBe(1)
  })

  it('an output that cannot be', async () => {
    const blocker = join(folder, 'blocker')
    writeFileSync(blocker, '')
    const outputs: [string, RegExp][] = [
      [join(folder, 'cat.avi'), /cat\.avi: its name ends in none of \.mp4/],
      [join(blocker, 'cat.webp'), /blocker/],
    ]
    for (const [out, message] of outputs) {
      const { code, stderr } = await inProcess(['animate', TINY_PICTURE, '-o', out, ...small])
      expect(stderr).toMatch(message)
      expect([code, existsSync(out)]).toEqual([1, false])
    }
  })

  it('nothing was written', () => {
    expect(existsSync(join(folder, 'out.webp'))).toBe(false)
  })
})

describe('wrong usage ends with code 2', () => {
  const usages: [string, string[], RegExp][] = [
    ['no output', [], /required option '-o, --out <file>' not specified/],
    ['an unknown option', ['-o', 'x.webp', '--stepps', '2'], /unknown option '--stepps'/],
    ['steps', ['-o', 'x.webp', '--steps', 'many'], /^sfv: --steps is many; give a whole number from 1 to 1000\n$/],
    ['frames', ['-o', 'x.webp', '--frames', '0'], /^sfv: --frames is 0; give a whole number from 1 to 1000\n$/],
    ['noise', ['-o', 'x.webp', '--noise-aug', '-1'], /^sfv: --noise-aug is -1; give a number from 0 to 10\n$/],
    [
      'size',
      ['-o', 'x.webp', '--size', '64'],
      /^sfv: --size is 64; give width and height in pixels, such as 128x128\n$/,
    ],
    [
      'guidance',
      ['-o', 'x.webp', '--guidance', '3'],
      /^sfv: --guidance is 3; give the scale of the first and of the last/,
    ],
    ['fit', ['-o', 'x.webp', '--fit', 'crop'], /Allowed choices are cover, contain, stretch/],
  ]
  it.each(usages)('%s', async (_, args, message) => {
    const { code, stderr } = await inProcess(['animate', TINY_PICTURE, ...args])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})

describe('Ctrl-C', () => {
  it('leaves nothing half-written, in the output folder or in the model', async () => {
    const out = join(folder, 'interrupted')
    mkdirSync(out)
    const model = brokenModel('interrupted-model', () => undefined)
    const before = readdirSync(model, { recursive: true }).sort()
    const args = [
      'animate',
      TINY_PICTURE,
      '-o',
      join(out, 'cat.webp'),
      '--model',
      model,
      '--frames',
      '200',
      '--size',
      '128x128',
    ]
    const { code, signal } = await sfv(args, (child) => {
      // The warning about the missing student comes when the work begins.
      child.stderr?.once('data', () => setTimeout(() => child.kill('SIGINT'), 500))
    })
    // Node ends by the signal itself, which a shell shows as 130.
    expect(signal === 'SIGINT' || code === 130).toBe(true)
    expect(readdirSync(out)).toEqual([])
    expect(readdirSync(model, { recursive: true }).sort()).toEqual(before)
  })
})

function sentences(text: string): number {
  return text.trim().split('\n').length
}
