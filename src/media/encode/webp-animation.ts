import { concatenated } from '../../runtime/concatenated.js'
import { commentOf, frameDurations, type ClipContent } from '../clip.js'
import { xmpPacket } from './xmp.js'

/** Flags of the extended file header (RFC 9649, 2.7). */
const ANIMATION = 0x02
const XMP = 0x04
const ALPHA = 0x10
/** Flag of a frame: it replaces what is below instead of being blended onto it. */
const NO_BLENDING = 0x02

/**
 * An animated WebP that plays for ever, of frames that were each compressed as a WebP of their own (RFC 9649, 2.7).
 *
 * @param pictures one whole WebP file a frame
 */
export function assembleWebp(clip: ClipContent, pictures: readonly Uint8Array[]): Uint8Array {
  const { width, height } = clip.frames
  const durations = frameDurations(clip, 1000)
  let hasAlpha = false
  const frames = pictures.map((picture, index) => {
    const parts = readChunks(picture).filter(({ type }) => ['ALPH', 'VP8 ', 'VP8L'].includes(type))
    hasAlpha ||= parts.some(({ type }) => type !== 'VP8 ')
    const head = new Uint8Array(16)
    writeThree(head, 6, width - 1)
    writeThree(head, 9, height - 1)
    writeThree(head, 12, durations[index]!)
    head[15] = NO_BLENDING
    return chunk('ANMF', concatenated([head, ...parts.map(({ type, data }) => chunk(type, data))]))
  })
  const comment = commentOf(clip)
  const header = new Uint8Array(10)
  header[0] = ANIMATION | (hasAlpha ? ALPHA : 0) | (comment === '' ? 0 : XMP)
  writeThree(header, 4, width - 1)
  writeThree(header, 7, height - 1)
  // Background colour, then how often it plays: 0 is for ever.
  const animation = new Uint8Array(6)
  const words = comment === '' ? [] : [chunk('XMP ', new TextEncoder().encode(xmpPacket(comment)))]
  const body = concatenated([ascii('WEBP'), chunk('VP8X', header), chunk('ANIM', animation), ...frames, ...words])
  return chunk('RIFF', body)
}

function readChunks(webp: Uint8Array): { readonly type: string; readonly data: Uint8Array }[] {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength)
  const chunks = []
  for (let at = 12; at + 8 <= webp.length;) {
    const length = view.getUint32(at + 4, true)
    const type = String.fromCharCode(...webp.subarray(at, at + 4))
    chunks.push({ type, data: webp.subarray(at + 8, at + 8 + length) })
    at += 8 + length + (length % 2)
  }
  return chunks
}

/** A four-letter type, a 32-bit length, the bytes, and a zero byte where the length is odd. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + data.length + (data.length % 2))
  bytes.set(ascii(type))
  new DataView(bytes.buffer).setUint32(4, data.length, true)
  bytes.set(data, 8)
  return bytes
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

function writeThree(bytes: Uint8Array, at: number, value: number): void {
  bytes.set([value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff], at)
}
