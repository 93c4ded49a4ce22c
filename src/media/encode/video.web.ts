import {
  BufferTarget,
  canEncodeVideo,
  Mp4OutputFormat,
  Output,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny'
import { UserError } from '../../errors.js'
import { commentOf } from '../clip.js'
import type { Cut } from '../export.js'
import { frameAt } from '../frames.js'
import { canvasOf } from '../pixels.web.js'
import { COLOR_SPACE } from './mux.js'
import { evenSide, rgbToYuv420 } from './yuv.js'

/**
 * An MP4 of H.264 or a WebM of VP9 or VP8, by the browser's own encoder. Opacity goes into a WebM's alpha.
 *
 * @param quality 0 to 1
 * @throws UserError when the browser has no encoder for the format.
 */
export async function encodeVideo(
  cut: Cut,
  format: 'mp4' | 'webm',
  quality: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { width, height, count } = cut.frames
  const bitrate = bitrateOf(quality, width * height * cut.fps)
  const codecs = format === 'mp4' ? (['avc'] as const) : (['vp9', 'vp8'] as const)
  let codec: (typeof codecs)[number] | undefined
  for (const each of codecs) if (!codec && (await canEncodeVideo(each, { width, height, bitrate }))) codec = each
  if (!codec) throw new UserError(`this browser has no encoder for ${format}; choose webp or gif`)

  const target = new BufferTarget()
  const container = format === 'mp4' ? new Mp4OutputFormat({ fastStart: 'in-memory' }) : new WebMOutputFormat()
  const output = new Output({ format: container, target })
  const source = new VideoSampleSource({ codec, bitrate, alpha: cut.alpha ? 'keep' : 'discard' })
  output.addVideoTrack(source, { frameRate: cut.fps })
  const comment = commentOf(cut)
  if (comment !== '') output.setMetadataTags({ comment })
  await output.start()
  try {
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted()
      const sample = sampleOf(cut, index)
      await source.add(sample)
      sample.close()
    }
    await output.finalize()
  } catch (error) {
    await output.cancel()
    throw error
  }
  return new Uint8Array(target.buffer!)
}

/**
 * One frame for the encoder. An opaque one is turned to limited range here: browsers make full range of a canvas, which some
 * players show too dark, and sites that take posts refuse.
 */
function sampleOf(cut: Cut, index: number): VideoSample {
  const time = { timestamp: index / cut.fps, duration: 1 / cut.fps }
  if (cut.alpha) return new VideoSample(canvasOf(cut, index), time)
  const picture = frameAt(cut.frames, index)
  return new VideoSample(rgbToYuv420(picture), {
    ...time,
    format: 'I420',
    codedWidth: evenSide(picture.width),
    codedHeight: evenSide(picture.height),
    colorSpace: COLOR_SPACE,
  })
}

/**
 * Bits a second for pixels a second: 0.05 to 1 bit a pixel, twenty times as many for the best as for the least. Clips of a few
 * pictures a second change much from one to the next, and want more than films do.
 */
function bitrateOf(quality: number, pixelsPerSecond: number): number {
  return Math.round(Math.max(20_000, 0.05 * 20 ** quality * pixelsPerSecond))
}
