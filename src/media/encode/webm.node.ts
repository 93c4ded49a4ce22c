import { WebMOutputFormat } from 'mediabunny'
import sharp from 'sharp'
import type { ClipContent } from '../clip.js'
import { frameAt } from '../frames.js'
import { muxFrames, type CodedFrame } from './mux.js'
import { vp8FrameOf } from './webp-vp8.js'

/**
 * A WebM file of VP8 key frames. A lossy WebP picture holds one VP8 key frame (RFC 6386), so that the WebP
 * encoder serves as a video encoder; it has no way to the full range that a video's opacity needs:
 * `encodeWebmAlpha` has.
 *
 * @param quality 0 to 1
 */
export async function encodeWebm(clip: ClipContent, quality: number, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height, count } = clip.frames
  const raw = { width, height, channels: 3 as const }
  const coded: CodedFrame[] = []
  for (let index = 0; index < count; index++) {
    signal?.throwIfAborted()
    const picture = sharp(frameAt(clip.frames, index).data, { raw }).webp({
      quality: Math.round(quality * 100),
      smartSubsample: true,
    })
    coded.push({ data: vp8FrameOf(await picture.toBuffer()), key: true })
  }
  return muxFrames(clip, coded, new WebMOutputFormat(), 'vp8', {
    codec: 'vp8',
    codedWidth: width,
    codedHeight: height,
  })
}
