import sharp from 'sharp'
import { commentOf, type ClipContent } from '../clip.js'
import { frameAt, type Picture } from '../frames.js'
import { commentChunks, readPngChunks, writePngChunks, type PngChunk } from './png-chunks.js'

/** The chunks of a picture as an 8-bit RGB PNG, not interlaced. */
export async function encodePngChunks({ data, width, height }: Picture): Promise<PngChunk[]> {
  const raw = { width, height, channels: 3 as const }
  const png = sharp(data, { raw }).png({ adaptiveFiltering: true, palette: false })
  return readPngChunks(await png.toBuffer())
}

/** Each frame as a PNG file with the clip's metadata as its comment. */
export async function encodePngFrames(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array[]> {
  const comment = commentChunks(commentOf(clip))
  const files: Uint8Array[] = []
  for (let index = 0; index < clip.frames.count; index++) {
    signal?.throwIfAborted()
    const [header, ...rest] = await encodePngChunks(frameAt(clip.frames, index))
    if (!header) throw new Error('a PNG without chunks')
    files.push(writePngChunks([header, ...comment, ...rest]))
  }
  return files
}
