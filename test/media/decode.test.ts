import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeClip, readFrames } from '../../src/media/decode.node.js'
import { frameAt } from '../../src/media/frames.js'
import { Clip } from '../../src/media/clip.node.js'
import { readClipAt } from '../../src/media/read-clip.node.js'
import { emojiClip, newFolder, psnr } from './support.js'

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
const SIZE = { width: 32, height: 24 }
const PATH = process.env['PATH']!

afterEach(() => {
  process.env['PATH'] = PATH
})

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args])
}

/** A video of a drawn source, such as `testsrc=s=64x48:d=1`. */
function video(name: string, source: string, ...options: string[]): string {
  const path = join(newFolder(), name)
  ffmpeg('-f', 'lavfi', '-i', source, ...options, path)
  return path
}

/** Transparent red pixels beside opaque blue ones. */
const HALF = "color=red:s=64x48:d=0.4:r=10,format=rgba,geq=r='255*lt(X,32)':g=0:b='255*gte(X,32)':a='255*gte(X,32)'"

describe.skipIf(!hasFfmpeg)('videos', () => {
  it.each([
    ['vp8.webm', ['-c:v', 'libvpx', '-pix_fmt', 'yuva420p', '-auto-alt-ref', '0']],
    ['vp9.webm', ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p']],
    ['vp9.mkv', ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p']],
    ['qtrle.mov', ['-c:v', 'qtrle']],
    ['prores.mov', ['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le']],
    ['png.mov', ['-c:v', 'png']],
    ['ffv1.mkv', ['-c:v', 'ffv1', '-pix_fmt', 'bgra']],
  ])('with opacity lie on white: %s', async (name, options) => {
    const path = video(name, HALF, ...options)
    for (const sampling of [undefined, { fps: 10, size: SIZE }]) {
      const { frames, alpha } = await decodeClip(path, sampling ? { sampling } : {})
      const { width, data, count } = frames
      const row = 3 * width * 10
      expect(count).toBe(4)
      for (const value of data.subarray(row, row + 9)) expect(value).toBeGreaterThan(250)
      const [red, green, blue] = data.subarray(row + 3 * (width - 3))
      expect([red! < 10, green! < 10, blue! > 245]).toEqual([true, true, true])
      expect([alpha![width * 10]! < 5, alpha![width * 11 - 1]! > 250]).toEqual([true, true])
      // Nothing of the hidden red comes through where both meet; lossy codecs mix colours there by themselves.
      const least = /^(vp|prores)/.test(name) ? 150 : 240
      for (let at = row; at < row + 3 * width; at += 3) expect(data[at + 2]).toBeGreaterThan(least)
    }
  })

  it('without opacity have none', async () => {
    const path = video('plain.mp4', 'testsrc=s=64x48:d=0.5:r=10', '-pix_fmt', 'yuv420p')
    expect((await decodeClip(path)).alpha).toBeUndefined()
  })

  it.each([
    ['4/3', 120, 90, 160, 90],
    ['1/2', 64, 48, 64, 96],
    ['8/9', 72, 48, 72, 54],
    ['1/1', 66, 46, 66, 46],
  ])('have square pixels where theirs are %s', async (sar, width, height, shownWidth, shownHeight) => {
    const path = video('sar.mp4', `testsrc=s=${width}x${height}:d=0.2:r=10,setsar=${sar}`, '-pix_fmt', 'yuv420p')
    const { frames } = await decodeClip(path)
    expect([frames.width, frames.height]).toEqual([shownWidth, shownHeight])
  })

  it('keep the shape that players show when they are scaled, cut, padded or distorted', async () => {
    // A white square as players show it: 40 x 40 in the middle of 160 x 80, from pixels twice as wide as high.
    const drawn = 'color=black:s=80x80:d=0.2:r=10,drawbox=x=30:y=20:w=20:h=40:color=white:t=fill,setsar=2/1'
    const path = video('square.mp4', drawn, '-pix_fmt', 'yuv444p', '-crf', '1')
    const size = { width: 40, height: 40 }
    const whites = async (fit: 'cover' | 'contain' | 'stretch') => {
      const { data } = (await decodeClip(path, { sampling: { fps: 10, size, fit } })).frames
      const at = (x: number, y: number) => data[3 * (40 * y + x)]! > 128
      const across = Array.from({ length: 40 }, (_, x) => at(x, 20)).filter(Boolean).length
      return [across, Array.from({ length: 40 }, (_, y) => at(20, y)).filter(Boolean).length]
    }
    expect(await whites('cover')).toEqual([20, 20])
    // 20 rows of the 40 are the white above and below.
    expect(await whites('contain')).toEqual([10, 10 + 20])
    expect(await whites('stretch')).toEqual([10, 20])
  })

  it('are read with an ffmpeg that knows neither -fps_mode nor -vsync, as 4.2 and 8 each lack one', async () => {
    const path = video('plain.mp4', 'testsrc=s=64x48:d=1:r=10', '-pix_fmt', 'yuv420p')
    const folder = newFolder()
    const real = spawnSync('which', ['ffmpeg']).stdout.toString().trim()
    const script = `#!/bin/sh\nfor a in "$@"; do case "$a" in -fps_mode|-vsync) exit 1;; esac; done\nexec ${real} "$@"\n`
    writeFileSync(join(folder, 'ffmpeg'), script)
    chmodSync(join(folder, 'ffmpeg'), 0o755)
    process.env['PATH'] = `${folder}${delimiter}${PATH}`
    expect((await decodeClip(path)).frames.count).toBe(10)
    expect((await decodeClip(path, { sampling: { fps: 5, size: SIZE } })).frames.count).toBe(5)
  })

  it('give every picture once, whatever their times', async () => {
    const uneven = "testsrc=s=32x24:d=2:r=10,select='not(eq(n,3))*not(between(n,8,14))',setpts=PTS+3/TB"
    const path = video('uneven.mkv', uneven, '-fps_mode', 'passthrough', '-c:v', 'ffv1')
    expect((await decodeClip(path)).frames.count).toBe(12)
    // At a steady rate a picture stays until the next one comes.
    const { frames } = await decodeClip(path, { sampling: { fps: 10, size: { width: 32, height: 24 } } })
    expect(frames.count).toBe(20)
    expect(frameAt(frames, 3).data).toEqual(frameAt(frames, 2).data)
    expect(frameAt(frames, 4).data).not.toEqual(frameAt(frames, 2).data)
  })

  it('start again from the first picture where there are too few, and stop where there are enough', async () => {
    const path = video('short.mkv', 'testsrc=s=32x24:d=0.3:r=10', '-c:v', 'ffv1')
    const size = { width: 32, height: 24 }
    const { frames } = await decodeClip(path, { sampling: { fps: 10, size, minFrames: 8 } })
    expect(frames.count).toBe(8)
    expect(frameAt(frames, 3).data).toEqual(frameAt(frames, 0).data)
    expect(frameAt(frames, 7).data).toEqual(frameAt(frames, 1).data)
    expect((await decodeClip(path, { sampling: { fps: 10, size, maxFrames: 2, minFrames: 8 } })).frames.count).toBe(2)
  })

  it('of any length take little memory', () => {
    // 1,500 pictures of 1280 x 720 are 4.1 GB.
    const path = video('long.mp4', 'color=teal:s=1280x720:d=60:r=25', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p')
    const module = pathToFileURL(join(import.meta.dirname, '../../src/media/decode.node.ts')).href
    const script = `
      const { readFrames } = await import(${JSON.stringify(module)})
      let count = 0
      for await (const _ of readFrames(process.argv[1])) count++
      console.log(count, process.resourceUsage().maxRSS / 1024)`
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, path]
    const [count, megabytes] = execFileSync(process.execPath, args).toString().split(' ').map(Number)
    expect(count).toBe(1500)
    expect(megabytes).toBeLessThan(700)
  })

  it('that are read no further end their ffmpeg', async () => {
    const path = video('long.mkv', 'testsrc=s=320x240:d=30:r=25', '-c:v', 'mjpeg')
    for await (const { width } of readFrames(path)) {
      expect(width).toBe(320)
      break
    }
    const processes = () => execFileSync('bash', ['-c', 'ps -eo args']).toString()
    await expect.poll(processes).not.toContain(path)
  })

  it('that are damaged or hold no pictures are refused in one sentence', async () => {
    const folder = newFolder()
    const [broken, sound] = [join(folder, 'broken.mp4'), join(folder, 'sound.mp4')]
    writeFileSync(broken, 'no video')
    ffmpeg('-f', 'lavfi', '-i', 'sine=d=0.2', sound)
    await expect(decodeClip(broken)).rejects.toThrow(/^cannot read .*broken\.mp4: ffmpeg says ".*"; give a whole video/)
    await expect(decodeClip(sound)).rejects.toThrow(/^cannot read .*sound\.mp4: .*; give/)
    process.env['PATH'] = folder
    await expect(decodeClip(broken)).rejects.toThrow(/ffmpeg, which is not on PATH; install ffmpeg 4\.2 or newer/)
  })
})

describe('what sfv writes', () => {
  it.each(['.apng', '/'])('is read back: a clip saved as %s', async (ending) => {
    const clip = await emojiClip('fox', 48, 32)
    const path = join(newFolder(), 'clip') + ending
    await clip.save(path)
    expect((await decodeClip(path)).frames).toEqual(clip.frames)
    const size = { width: 48, height: 32 }
    const { frames } = await readClipAt(path, { fps: 7, size, maxFrames: 5 })
    expect(frames.count).toBe(5)
    expect(psnr(frames.data, clip.frames.data.subarray(0, frames.data.length))).toBeGreaterThan(60)
  })

  it('is read back with its opacity', async () => {
    const path = join(newFolder(), 'clip.webp')
    const data = new Uint8Array(2 * 8 * 8 * 3).fill(255)
    const alpha = Uint8Array.from({ length: 2 * 8 * 8 }, (_, i) => (i % 8 < 4 ? 0 : 255))
    for (const [i, opacity] of alpha.entries()) if (opacity > 0) data.set([200, i, 0], 3 * i)
    await new Clip({ frames: { width: 8, height: 8, count: 2, data }, alpha, fps: 7, metadata: {} }).save(path)
    const read = await readClipAt(path, { fps: 7, size: { width: 8, height: 8 } })
    expect(read.alpha).toEqual(alpha)
  })

  it('is no clip where frames are missing', async () => {
    const folder = newFolder()
    await expect(decodeClip(folder)).rejects.toThrow(/it is a folder without frame-00\.png/)
    const clip = await emojiClip('fox', 16, 16, 1)
    for (const name of ['frame-00.png', 'frame-02.png']) await clip.save(join(folder, name))
    await expect(decodeClip(folder)).rejects.toThrow(/it is a folder without frame-00\.png/)
  })
})

describe.skipIf(!hasFfmpeg)('animated PNGs', () => {
  it('of parts that are laid over, cleared and put back show what ffmpeg shows', async () => {
    const folder = newFolder()
    const source = join(folder, 'a.apng')
    // ffmpeg's encoder keeps what stays the same, and so writes frames of parts.
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=64x48:d=1:r=5,format=rgba', '-pred', 'mixed', source)
    const ours = (await decodeClip(source)).frames
    const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', source, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'])
    expect(ours.count).toBe(5)
    expect(psnr(ours.data, raw)).toBeGreaterThan(60)
  })
})

describe('animations', () => {
  it('of any number of pages are decoded in parts, each page at its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 40 }),
        fc.constantFrom('gif', 'webp' as const),
        async (count, format) => {
          const pages = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(8 * 8 * 3, (i * 83) % 256)))
          const raw = { width: 8, height: 8 * count, channels: 3 as const, pageHeight: 8 }
          const path = join(newFolder(), `a.${format}`)
          const options = format === 'gif' ? {} : { lossless: true }
          await sharp(pages, { raw })
            .toFormat(format, { delay: Array(count).fill(100), ...options })
            .toFile(path)
          const { frames } = await decodeClip(path)
          expect(frames.count).toBe(count)
          for (let i = 0; i < count; i++)
            expect(Math.abs(frameAt(frames, i).data[0]! - ((i * 83) % 256))).toBeLessThan(4)
        },
      ),
      { numRuns: 15 },
    )
  })

  it('larger than the decoder holds at a time are read whole', async () => {
    // 60 pages of 1000 x 1000 are 240 MB, and more than half of it is never held.
    const count = 60
    const path = join(newFolder(), 'large.webp')
    const raw = { width: 1000, height: 1000 * count, channels: 3 as const, pageHeight: 1000 }
    const pages = Buffer.alloc(3e6 * count)
    for (let i = 0; i < count; i++) pages.fill(i * 4, 3e6 * i, 3e6 * (i + 1))
    await sharp(pages, { raw, limitInputPixels: false })
      .webp({ lossless: true, effort: 0, delay: Array<number>(count).fill(100) })
      .toFile(path)
    const seen: number[] = []
    for await (const { data } of readFrames(path)) seen.push(data[0]!)
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i * 4))
  })
})

it('names the way out for files that are no clips', async () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'a.txt'), 'words')
  mkdirSync(join(folder, 'empty'))
  await expect(decodeClip(join(folder, 'a.txt'))).rejects.toThrow(/its name ends in none of .*; convert it/)
  await expect(decodeClip(join(folder, 'none.mp4'))).rejects.toThrow(/give the path of a clip or picture/)
})
