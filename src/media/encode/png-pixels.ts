import { zlibSync } from 'fflate'
import type { PngChunk } from './png-chunks.js'

/** Colour types (PNG specification, third edition, table 8). */
const COLOUR_TYPES = { rgb: 2, palette: 3, rgba: 6 } as const

/**
 * A picture as the chunks of an 8-bit RGB or RGBA PNG: each row filtered by what it changes against the row above
 * (filter 2), or against its own left (filter 1), whichever is smaller in sum.
 *
 * @param pixels (height, width, 3), or with opacity (height, width, 4)
 */
export function encodePixels(width: number, height: number, pixels: Uint8Array): PngChunk[] {
  const channels = pixels.length / (width * height)
  const stride = width * channels
  const rows = new Uint8Array(height * (stride + 1))
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * stride, (y + 1) * stride)
    const above = y > 0 ? pixels.subarray((y - 1) * stride, y * stride) : new Uint8Array(stride)
    const left = row.map((value, i) => value - (i >= channels ? row[i - channels]! : 0))
    const up = row.map((value, i) => value - above[i]!)
    const takesUp = magnitude(up) < magnitude(left)
    rows[y * (stride + 1)] = takesUp ? 2 : 1
    rows.set(takesUp ? up : left, y * (stride + 1) + 1)
  }
  return chunksOf(width, height, channels === 4 ? COLOUR_TYPES.rgba : COLOUR_TYPES.rgb, rows, [])
}

/**
 * A picture as the chunks of an 8-bit PNG with a palette.
 *
 * @param indices (height, width) into the palette
 * @param palette red, green, blue, opacity of each colour, 0 to 255; at most 256
 */
export function encodeIndices(
  width: number,
  height: number,
  indices: Uint8Array,
  palette: readonly (readonly number[])[],
): PngChunk[] {
  const rows = new Uint8Array(height * (width + 1))
  for (let y = 0; y < height; y++) rows.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const colours = Uint8Array.from(palette.flatMap(([r, g, b]) => [r!, g!, b!]))
  const opacities = Uint8Array.from(palette, (colour) => colour[3] ?? 255)
  return chunksOf(width, height, COLOUR_TYPES.palette, rows, [
    { type: 'PLTE', data: colours },
    { type: 'tRNS', data: opacities },
  ])
}

/** How far the bytes are from 0, taken as signed. */
function magnitude(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum += byte < 128 ? byte : 256 - byte
  return sum
}

function chunksOf(
  width: number,
  height: number,
  colourType: number,
  rows: Uint8Array,
  between: readonly PngChunk[],
): PngChunk[] {
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, colourType], 8)
  return [
    { type: 'IHDR', data: header },
    ...between,
    { type: 'IDAT', data: zlibSync(rows, { level: 9 }) },
    { type: 'IEND', data: new Uint8Array(0) },
  ]
}
