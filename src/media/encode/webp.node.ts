import sharp from 'sharp'
import { commentOf, frameDurations, type ClipContent } from '../clip.js'

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

/** XMP (ISO 16684-1) with nothing but `dc:description`. */
function xmpPacket(description: string): string {
  const text = description.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`)
  return (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>' +
    `<rdf:li xml:lang="x-default">${text}</rdf:li>` +
    '</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
  )
}
