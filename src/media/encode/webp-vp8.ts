/**
 * The VP8 key frame inside a simple lossy WebP file (RFC 9649, 2.5): RIFF chunks are a four-letter type, a 32-bit
 * little-endian length, the bytes, and a zero byte where the length is odd.
 */
export function vp8FrameOf(webp: Uint8Array): Uint8Array {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength)
  const firstChunk = 12 // After `RIFF`, the file's length, `WEBP`.
  for (let at = firstChunk; at + 8 <= webp.length;) {
    const type = String.fromCharCode(...webp.subarray(at, at + 4))
    const length = view.getUint32(at + 4, true)
    if (type === 'VP8 ') return webp.subarray(at + 8, at + 8 + length)
    at += 8 + length + (length % 2)
  }
  throw new Error('a WebP file without a VP8 chunk')
}
