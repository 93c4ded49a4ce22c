import h264, { type H264MP4Encoder } from 'h264-mp4-encoder'
import { BufferSource, EncodedPacketSink, Input, Mp4OutputFormat, MP4 } from 'mediabunny'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { ClipContent } from '../clip.js'
import { frameAt } from '../frames.js'
import { muxFrames, type CodedFrame } from './mux.js'
import { evenSide, rgbToYuv420 } from './yuv.js'

/**
 * H.264 quantiser, 10 (best) to 51, of a quality from 0 to 1: 18 for the best, which keeps emoji of 256 pixels above 40
 * dB at a quarter of the GIF's size.
 */
function quantizerOf(quality: number): number {
  return Math.min(51, Math.round(18 + 40 * Math.max(0, 0.92 - quality)))
}

/**
 * An MP4 file of H.264 baseline, 4:2:0, that starts to play before it is whole. The encoder writes an MP4 of its own;
 * its frames are put into a new one that carries times, colours and metadata.
 *
 * @param quality 0 to 1
 */
export async function encodeMp4(clip: ClipContent, quality: number, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted()
  const encoder = await h264.createH264MP4Encoder()
  encoder.quantizationParameter = quantizerOf(quality)
  // All encoders share one file system in memory.
  encoder.outputFilename = `${randomBytes(8).toString('hex')}.mp4`
  try {
    const input = new Input({ source: new BufferSource(await encodeH264(encoder, clip, signal)), formats: [MP4] })
    const track = await input.getPrimaryVideoTrack()
    const config = await track?.getDecoderConfig()
    if (!track || !config) throw new Error('the H.264 encoder made no video track')
    const coded: CodedFrame[] = []
    for await (const packet of new EncodedPacketSink(track).packets()) {
      coded.push({ data: packet.data, key: packet.type === 'key' })
    }
    return await muxFrames(clip, coded, new Mp4OutputFormat({ fastStart: 'in-memory' }), 'avc', config)
  } finally {
    encoder.FS.unlink(encoder.outputFilename)
    encoder.delete()
  }
}

async function encodeH264(encoder: H264MP4Encoder, clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  encoder.width = evenSide(clip.frames.width)
  encoder.height = evenSide(clip.frames.height)
  encoder.initialize()
  try {
    for (let index = 0; index < clip.frames.count; index++) {
      encoder.addFrameYuv(rgbToYuv420(frameAt(clip.frames, index)))
      await setImmediate() // Lets an abort come through.
      signal?.throwIfAborted()
    }
  } finally {
    encoder.finalize() // Also after an abort: deleting an encoder that is at work breaks the module for all.
  }
  return encoder.FS.readFile(encoder.outputFilename)
}
