import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PURPOSES } from '../../src/media/purposes.js'
import { TINY } from '../pipeline/tiny.js'
import { inProcess } from './sfv.js'

const has = (name: string) => spawnSync(name, ['-version']).status === 0
const hasFfmpeg = has('ffmpeg') && has('ffprobe')
const KB = 1024

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-stickers-'))
  mkdirSync(join(folder, 'faces'))
  copyFileSync('examples/gift.png', join(folder, 'faces', 'a gift.png'))
  writeFileSync(join(folder, 'faces', 'notes.txt'), 'not a picture')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a reader of pictures says of a file: its size, seconds, loops, and whether a corner is clear. */
async function look(path: string) {
  const bytes = readFileSync(path)
  const { format, width, pageHeight, height, delay, loop, pages, hasAlpha } = await sharp(bytes, {
    animated: true,
  }).metadata()
  const corner = await sharp(bytes).ensureAlpha().raw().toBuffer()
  const seconds = (delay ?? []).reduce((sum, each) => sum + each, 0) / 1000
  return {
    format,
    width,
    height: pageHeight ?? height,
    seconds,
    loop,
    pages,
    hasAlpha,
    corner: corner[3],
    bytes: bytes.length,
  }
}

/** What `ffprobe` says of a file's picture track. */
function probe(path: string) {
  const asked = ['-v', 'error', '-count_frames', '-show_entries', 'stream:format=duration', '-of', 'json', path]
  const { streams, format } = JSON.parse(spawnSync('ffprobe', asked, { encoding: 'utf8' }).stdout) as {
    streams: (Record<string, string> & { tags?: Record<string, string> })[]
    format: Record<string, string>
  }
  return { ...streams[0]!, tracks: streams.length, duration: Number(format['duration']) }
}

describe('a pack of stickers', () => {
  it('holds what each place takes, by readers of their own', async () => {
    const out = join(folder, 'pack')
    const places = ['whatsapp', 'slack', 'discord', ...(hasFfmpeg ? ['telegram', 'telegram-emoji'] : [])]
    const args = ['stickers', join(folder, 'faces'), '--for', places.join(','), '-o', out, '--seed', '1', '--json']
    const { code, stdout, stderr } = await inProcess(args)
    expect([code, stderr]).toEqual([0, ''])
    const report = JSON.parse(stdout) as { stickers: { file: string; bytes: number }[]; sheet: string }
    expect(report.stickers).toHaveLength(places.length)
    for (const { file, bytes } of report.stickers) expect(readFileSync(file).length).toBe(bytes)
    const place = (id: string, ending: string) => join(out, id, `01-a-gift.${ending}`)

    const whatsapp = await look(place('whatsapp-sticker', 'webp'))
    expect(whatsapp).toMatchObject({ format: 'webp', width: 512, height: 512, hasAlpha: true, corner: 0, loop: 0 })
    expect(whatsapp.bytes).toBeLessThanOrEqual(500 * KB)
    expect(whatsapp.seconds).toBeLessThanOrEqual(10)
    const slack = await look(place('slack-emoji', 'gif'))
    expect(slack).toMatchObject({ format: 'gif', width: 128, height: 128, hasAlpha: true, corner: 0, loop: 0 })
    expect(slack.bytes).toBeLessThanOrEqual(128 * KB)
    const discord = await look(place('discord-sticker', 'png'))
    expect(discord).toMatchObject({ format: 'png', width: 320, height: 320, corner: 0 })
    expect(discord.bytes).toBeLessThanOrEqual(512 * KB)
    expect(await look(report.sheet)).toMatchObject({ format: 'png' })
    if (!hasFfmpeg) return
    expect(probe(place('discord-sticker', 'png'))).toMatchObject({ codec_name: 'apng' })
    for (const [id, side, limit] of [
      ['telegram-sticker', 512, 256],
      ['telegram-emoji', 100, 64],
    ] as const) {
      const file = place(id, 'webm')
      const { codec_name, width, height, tracks, duration, tags, r_frame_rate } = probe(file) as Record<string, unknown>
      expect({ codec_name, width, height, tracks }).toEqual({ codec_name: 'vp9', width: side, height: side, tracks: 1 })
      expect(Number(duration)).toBeLessThanOrEqual(3)
      const [frames, seconds] = String(r_frame_rate).split('/').map(Number)
      expect(frames! / seconds!).toBeLessThanOrEqual(30)
      expect(JSON.stringify(tags).toLowerCase()).toContain('"alpha_mode":"1"')
      expect(readFileSync(file).length).toBeLessThanOrEqual(limit * KB)
    }
  }, 300_000)

  it.each<[string, string[], number, RegExp]>([
    [
      'no place',
      ['faces', '--for', 'myspace', '-o', 'p'],
      2,
      /--for names myspace; give one or more of telegram, whatsapp/,
    ],
    ['no folder', ['none', '--for', 'slack', '-o', 'p'], 1, /cannot read .*none: .*give a folder of pictures/],
    ['no pictures', ['empty', '--for', 'slack', '-o', 'p'], 1, /empty has no pictures; give a folder of PNG/],
    [
      'what is there',
      ['faces', '--for', 'slack', '-o', 'faces'],
      1,
      /has files in it already; give the name of a new folder/,
    ],
    ['no such steps', ['faces', '--for', 'slack', '-o', 'p', '--steps', '0'], 1, /--steps is 0; give a whole number/],
  ])('is refused in one sentence: %s', async (_, [from, ...args], expected, message) => {
    mkdirSync(join(folder, 'empty'), { recursive: true })
    const places = args.map((arg, i) => (args[i - 1] === '-o' ? join(folder, arg) : arg))
    const { code, stderr } = await inProcess(['stickers', join(folder, from!), ...places, '--model', TINY])
    expect([code, stderr]).toEqual([expected, expect.stringMatching(message)])
    expect(existsSync(join(folder, 'p'))).toBe(false)
    expect(readdirSync(join(folder, 'faces')).sort()).toEqual(['a gift.png', 'notes.txt'])
  })
})

it('each place has one entry in the table', () => {
  expect(new Set(PURPOSES.map(({ id }) => id)).size).toBe(PURPOSES.length)
})
