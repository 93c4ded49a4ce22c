import { commentOf, type ClipContent } from '../clip.js'
import { commentChunks, writePngChunks, type PngChunk } from './png-chunks.js'

/**
 * An animated PNG that plays for ever (PNG specification, third edition, 11.3.6) of pictures that were each compressed
 * as a PNG of their own, of one colour type: their `IDAT` bytes become the frames' `fdAT`. A palette is the first's.
 */
export function assembleApng(clip: ClipContent, pictures: readonly (readonly PngChunk[])[]): Uint8Array {
  const { width, height } = clip.frames
  const chunks: PngChunk[] = []
  let sequence = 0
  for (const [index, png] of pictures.entries()) {
    if (index === 0) {
      const ahead = png.filter(({ type }) => type === 'PLTE' || type === 'tRNS')
      const animation = numbers('acTL', [pictures.length, 0])
      chunks.push(...png.slice(0, 1), animation, ...commentChunks(commentOf(clip)), ...ahead)
    }
    chunks.push(frameControl(sequence++, width, height, clip.fps))
    for (const { type, data } of png) {
      if (type !== 'IDAT') continue
      chunks.push(index === 0 ? { type, data } : frameData(sequence++, data))
    }
  }
  return writePngChunks([...chunks, { type: 'IEND', data: new Uint8Array(0) }])
}

/**
 * Whole frame, drawn over the last one. The delay is a fraction of two 16-bit numbers: exact to a hundredth of an fps.
 */
function frameControl(sequence: number, width: number, height: number, fps: number): PngChunk {
  const { type, data } = numbers('fcTL', [sequence, width, height, 0, 0, 0, 0])
  const view = new DataView(data.buffer)
  view.setUint16(20, 100)
  view.setUint16(22, Math.round(fps * 100))
  return { type, data: data.subarray(0, 26) }
}

function frameData(sequence: number, data: Uint8Array): PngChunk {
  const numbered = new Uint8Array(4 + data.length)
  new DataView(numbered.buffer).setUint32(0, sequence)
  numbered.set(data, 4)
  return { type: 'fdAT', data: numbered }
}

/** A chunk of 32-bit numbers. */
function numbers(type: string, values: readonly number[]): { type: string; data: Uint8Array } {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, index) => view.setUint32(index * 4, value))
  return { type, data: new Uint8Array(view.buffer) }
}
