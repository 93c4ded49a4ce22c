import sharp from 'sharp'
import { commentOf, frameDurations, type ClipContent } from '../clip.js'
import { xmpPacket } from './xmp.js'

/** libvips makes 100 ms of durations of 10 ms and less: those of fast clips are given to it this many times as long. */
const STRETCH = 16

/** An animated WebP (lossy, quality 90) that plays for ever, with the metadata as the description of its XMP packet. */
export async function encodeWebp(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height, count, data } = clip.frames
  signal?.throwIfAborted()
  const raw = { width, height: height * count, channels: 3 as const, pageHeight: height }
  const image = sharp(data, { raw, limitInputPixels: false })
  const comment = commentOf(clip)
  if (comment !== '') image.withXmp(xmpPacket(comment))
  const durations = frameDurations(clip, 1000)
  const stretch = Math.min(...durations) <= 10 ? STRETCH : 1
  const delay = durations.map((milliseconds) => milliseconds * stretch)
  const webp = await image.webp({ quality: 90, smartSubsample: true, loop: 0, delay }).toBuffer()
  if (stretch > 1) shortenDurations(webp)
  return webp
}

/** Makes the durations of all frames right: bytes 12 to 14 of each `ANMF` chunk (RFC 9649, 2.7.1.2). */
function shortenDurations(webp: Buffer): void {
  for (let at = 12; at + 8 <= webp.length;) {
    const length = webp.readUInt32LE(at + 4)
    if (webp.toString('latin1', at, at + 4) === 'ANMF') {
      webp.writeUIntLE(Math.round(webp.readUIntLE(at + 20, 3) / STRETCH), at + 20, 3)
    }
    at += 8 + length + (length % 2)
  }
}
