/** One chunk of a PNG file: a four-letter type and its bytes (PNG specification, third edition, 5.3). */
export interface PngChunk {
  readonly type: string
  readonly data: Uint8Array
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** The chunks of a whole PNG file, in order, as views of its bytes. */
export function readPngChunks(png: Uint8Array): PngChunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const chunks: PngChunk[] = []
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8))
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) })
    at += length + 12
  }
  return chunks
}

/** A PNG file of these chunks. */
export function writePngChunks(chunks: readonly PngChunk[]): Uint8Array {
  const size = chunks.reduce((sum, chunk) => sum + chunk.data.length + 12, SIGNATURE.length)
  const png = new Uint8Array(size)
  const view = new DataView(png.buffer)
  png.set(SIGNATURE)
  let at = SIGNATURE.length
  for (const { type, data } of chunks) {
    view.setUint32(at, data.length)
    png.set(asciiBytes(type), at + 4)
    png.set(data, at + 8)
    view.setUint32(at + 8 + data.length, crc32(png.subarray(at + 4, at + 8 + data.length)))
    at += data.length + 12
  }
  return png
}

/** A `tEXt` chunk with the registered keyword `Comment`; the text is ASCII. No chunk for an empty text. */
export function commentChunks(text: string): PngChunk[] {
  return text === '' ? [] : [{ type: 'tEXt', data: asciiBytes(`Comment\0${text}`) }]
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

/** CRC of PNG's annex D: polynomial 0xedb88320, bits reflected. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})
