import type { ClipContent } from '../clip.js'
import { frameAt } from '../frames.js'
import { assembleApng } from './apng.js'
import type { PngChunk } from './png-chunks.js'
import { encodePngChunks } from './png.node.js'

/** An animated PNG, lossless RGB, that plays for ever. */
export async function encodeApng(clip: ClipContent, signal?: AbortSignal): Promise<Uint8Array> {
  const pictures: PngChunk[][] = []
  for (let index = 0; index < clip.frames.count; index++) {
    signal?.throwIfAborted()
    pictures.push(await encodePngChunks(frameAt(clip.frames, index)))
  }
  return assembleApng(clip, pictures)
}
