import {
  BufferTarget,
  canEncodeVideo,
  Mp4OutputFormat,
  Output,
  type Quality as Bitrate,
  QUALITY_HIGH,
  QUALITY_LOW,
  QUALITY_MEDIUM,
  QUALITY_VERY_HIGH,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny'
import { UserError } from '../../errors.js'
import { commentOf } from '../clip.js'
import type { Cut } from '../export.js'
import { canvasOf } from '../pixels.web.js'

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
  const bitrate = bitrateOf(quality)
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
      const sample = new VideoSample(canvasOf(cut, index), { timestamp: index / cut.fps, duration: 1 / cut.fps })
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

function bitrateOf(quality: number): Bitrate {
  if (quality > 0.85) return QUALITY_VERY_HIGH
  if (quality > 0.7) return QUALITY_HIGH
  return quality > 0.45 ? QUALITY_MEDIUM : QUALITY_LOW
}
