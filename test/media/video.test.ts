import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BufferSource, EncodedPacketSink, Input, MP4, WEBM, type EncodedPacket } from 'mediabunny'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Clip } from '../../src/media/clip.node.js'
import { rgbToYuv420 } from '../../src/media/encode/yuv.js'
import { frameAt } from '../../src/media/frames.js'
import { emojiClip, METADATA, newFolder, psnr } from './support.js'

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

let fox: Clip
let odd: Clip

beforeAll(async () => {
  fox = await emojiClip('fox', 128, 128)
  odd = await emojiClip('fire', 67, 45)
})

async function saved(clip: Clip, extension: string): Promise<Uint8Array> {
  const [path = ''] = await clip.save(join(newFolder(), `clip.${extension}`))
  return new Uint8Array(readFileSync(path))
}

/** The picture track of a video, by a demuxer. */
async function demux(file: Uint8Array) {
  const input = new Input({ source: new BufferSource(file), formats: [MP4, WEBM] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error('no video track')
  const packets: EncodedPacket[] = []
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet)
  const { comment = '' } = await input.getMetadataTags()
  return { track, packets, comment, duration: await input.getDurationFromMetadata() }
}

/** A simple lossy WebP around a VP8 key frame (RFC 9649, 2.5). */
function webpAround(vp8: Uint8Array): Buffer {
  const padding = vp8.length % 2
  const head = Buffer.alloc(20)
  head.write('RIFF', 0)
  head.writeUInt32LE(12 + vp8.length + padding, 4)
  head.write('WEBPVP8 ', 8)
  head.writeUInt32LE(vp8.length, 16)
  return Buffer.concat([head, vp8, Buffer.alloc(padding)])
}

describe('WebM', () => {
  it('holds a VP8 key frame for each frame, at its time, with the metadata', async () => {
    for (const clip of [fox, odd]) {
      const { width, height } = clip.frames
      const { track, packets, comment, duration } = await demux(await saved(clip, 'webm'))
      expect(track).toMatchObject({ codec: 'vp8', codedWidth: width, codedHeight: height })
      expect(packets).toHaveLength(14)
      expect(duration).toBeCloseTo(2, 2)
      expect(JSON.parse(comment)).toEqual(METADATA)
      for (const [index, packet] of packets.entries()) {
        expect(packet.type).toBe('key')
        expect(packet.timestamp).toBeCloseTo(index / 7, 3)
        const pixels = await sharp(webpAround(packet.data)).removeAlpha().raw().toBuffer()
        expect(psnr(pixels, frameAt(clip.frames, index).data)).toBeGreaterThan(35)
      }
    }
  })
})

describe('MP4', () => {
  it('holds H.264 baseline of even size, each frame at its time, with the metadata', async () => {
    for (const [clip, width, height] of [
      [fox, 128, 128],
      [odd, 68, 46],
    ] as const) {
      const { track, packets, comment, duration } = await demux(await saved(clip, 'mp4'))
      expect(track).toMatchObject({ codec: 'avc', codedWidth: width, codedHeight: height })
      const config = await track.getDecoderConfig()
      expect(config?.codec).toMatch(/^avc1\.42/)
      expect(config?.colorSpace).toMatchObject({ matrix: 'smpte170m', fullRange: false })
      expect(packets).toHaveLength(14)
      expect(packets[0]?.type).toBe('key')
      packets.forEach(({ timestamp }, index) => expect(timestamp).toBeCloseTo(index / 7, 3))
      expect(duration).toBeCloseTo(2, 2)
      expect(JSON.parse(comment)).toEqual(METADATA)
    }
  })

  it('begins to play before it is whole: the index stands before the pictures', async () => {
    const file = Buffer.from(await saved(fox, 'mp4'))
    expect(file.indexOf('moov')).toBeGreaterThan(0)
    expect(file.indexOf('moov')).toBeLessThan(file.indexOf('mdat'))
  })

  it('keeps clips apart that are saved at the same time', async () => {
    const sizes = await Promise.all(
      [fox, odd, fox].map(async (clip) => (await demux(await saved(clip, 'mp4'))).track.codedWidth),
    )
    expect(sizes).toEqual([128, 68, 128])
  })

  it.skipIf(!hasFfmpeg)('decodes to the frames', async () => {
    const path = join(newFolder(), 'fox.mp4')
    writeFileSync(path, await saved(fox, 'mp4'))
    const toRgb = ['-vf', 'scale=flags=accurate_rnd+full_chroma_int', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']
    const pixels = execFileSync('ffmpeg', ['-v', 'error', '-i', path, ...toRgb], { maxBuffer: 1e8 })
    expect(psnr(pixels, fox.frames.data)).toBeGreaterThan(36)
  })
})

describe('rgbToYuv420', () => {
  it.each([
    ['black', [0, 0, 0], [16, 128, 128]],
    ['white', [255, 255, 255], [235, 128, 128]],
    ['red', [255, 0, 0], [81, 90, 240]],
    ['green', [0, 255, 0], [145, 54, 34]],
    ['blue', [0, 0, 255], [41, 240, 110]],
  ])('turns %s into the values of BT.601', (_, rgb, [y = 0, u = 0, v = 0]) => {
    const yuv = rgbToYuv420({ width: 2, height: 2, data: Uint8Array.from([...rgb, ...rgb, ...rgb, ...rgb]) })
    expect([...yuv]).toEqual([y, y, y, y, u, v])
  })

  it('makes sides even by repeating the last column and row', () => {
    const grey = (value: number) => [value, value, value]
    const yuv = rgbToYuv420({ width: 3, height: 1, data: Uint8Array.from([grey(0), grey(0), grey(255)].flat()) })
    expect([...yuv]).toEqual([16, 16, 235, 235, 16, 16, 235, 235, 128, 128, 128, 128])
  })
})
