import sharp from 'sharp'
import { readPngChunks, type PngChunk } from './png-chunks.js'

/**
 * The chunks of a picture as an 8-bit PNG, not interlaced.
 *
 * @param pixels (height, width, 3), or with opacity (height, width, 4)
 */
export async function encodePng(width: number, height: number, pixels: Uint8Array): Promise<PngChunk[]> {
  const channels = (pixels.length / (width * height)) as 3 | 4
  const png = sharp(pixels, { raw: { width, height, channels } }).png({ adaptiveFiltering: true, palette: false })
  return readPngChunks(await png.toBuffer())
}
