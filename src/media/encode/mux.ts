import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Output, type OutputFormat } from 'mediabunny'
import { commentOf, type ClipContent } from '../clip.js'

/** One compressed frame. */
export interface CodedFrame {
  readonly data: Uint8Array
  /** Whether it can be decoded without the frames before it. */
  readonly key: boolean
  /** The same frame's opacity, compressed by itself. */
  readonly alpha?: Uint8Array | undefined
}

/**
 * How the pixels of both video formats are meant: BT.601 luma weights in limited range, which is what VP8 prescribes
 * and what players take for a small H.264 picture that says nothing; primaries and curve are sRGB's, as in the frames.
 */
export const COLOR_SPACE = {
  primaries: 'bt709',
  transfer: 'iec61966-2-1',
  matrix: 'smpte170m',
  fullRange: false,
} as const

/**
 * Puts compressed frames into a container, frame `i` at second `i / fps`, with the clip's metadata as its comment tag.
 */
export async function muxFrames(
  clip: ClipContent,
  coded: readonly CodedFrame[],
  format: OutputFormat,
  codec: 'avc' | 'vp8' | 'vp9',
  decoderConfig: VideoDecoderConfig,
): Promise<Uint8Array> {
  const target = new BufferTarget()
  const output = new Output({ format, target })
  const source = new EncodedVideoPacketSource(codec)
  output.addVideoTrack(source)
  const comment = commentOf(clip)
  if (comment !== '') output.setMetadataTags({ comment })
  await output.start()
  for (const [index, { data, key, alpha }] of coded.entries()) {
    const sideData = alpha && { alpha }
    const [time, duration] = [index / clip.fps, 1 / clip.fps]
    const packet = new EncodedPacket(data, key ? 'key' : 'delta', time, duration, undefined, undefined, sideData)
    await source.add(packet, { decoderConfig: { ...decoderConfig, colorSpace: COLOR_SPACE } })
  }
  await output.finalize()
  if (!target.buffer) throw new Error(`no ${codec} file after finalize`)
  return new Uint8Array(target.buffer)
}
