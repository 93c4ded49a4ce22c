import sharp from 'sharp'
import { commentOf, frameDurations, type ClipContent } from '../clip.js'
import { xmpPacket } from './xmp.js'

/** An animated WebP (lossy, quality 90) that plays for ever, with the metadata as the description of its XMP packet. */
export async function encodeWebp(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  const { width, height, count, data } = clip.frames
  signal?.throwIfAborted()
  const raw = { width, height: height * count, channels: 3 as const, pageHeight: height }
  const image = sharp(data, { raw, limitInputPixels: false })
  const comment = commentOf(clip)
  if (comment !== '') image.withXmp(xmpPacket(comment))
  return image.webp({ quality: 90, smartSubsample: true, loop: 0, delay: frameDurations(clip, 1000) }).toBuffer()
}
