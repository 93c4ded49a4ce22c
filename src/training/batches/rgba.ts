import { onWhite } from '../../media/clip-frame.js'
import { type Frames, type RgbaFrames } from '../../media/frames.js'
import { type Change } from './pixels.js'

/** How pictures with alpha are changed on their way into a batch. */
export interface RgbaChange extends Change {
  /** The colour, as bytes, that is laid behind them, which makes them opaque. */
  readonly ground?: readonly [number, number, number]
}

/** Pictures changed into what might as well have been drawn. */
export function changedRgba(
  { width, height, count, data }: RgbaFrames,
  { mirror = false, channels = [0, 1, 2], ground }: RgbaChange,
): RgbaFrames {
  const changed = new Uint8Array(data.length)
  for (let line = 0; line < height * count; line++)
    for (let x = 0; x < width; x++) {
      const from = 4 * (line * width + (mirror ? width - 1 - x : x))
      const to = 4 * (line * width + x)
      const through = ground ? 1 - data[from + 3]! / 255 : 0
      for (let c = 0; c < 3; c++) changed[to + c] = data[from + channels[c]!]! + through * (ground?.[c] ?? 0) + 0.5
      changed[to + 3] = ground ? 255 : data[from + 3]!
    }
  return { width, height, count, data: changed }
}

/** Pictures with alpha as the networks take them: (count, 4, height, width) in [0, 1], premultiplied. */
export function rgbaPlanes({ width, height, count, data }: RgbaFrames): Float32Array {
  const plane = width * height
  const planes = new Float32Array(data.length)
  for (let f = 0; f < count; f++)
    for (let i = 0; i < plane; i++)
      for (let c = 0; c < 4; c++) planes[(4 * f + c) * plane + i] = data[4 * (f * plane + i) + c]! / 255
  return planes
}

/** Values as `rgbaPlanes` has them, or about so, as 8-bit RGB on white. */
export function planesOnWhite(values: Float32Array, width: number, height: number): Frames {
  const plane = width * height
  const count = values.length / (4 * plane)
  const data = new Uint8ClampedArray(3 * count * plane)
  for (let f = 0; f < count; f++)
    for (let i = 0; i < plane; i++) {
      const through = 1 - Math.min(1, Math.max(0, values[(4 * f + 3) * plane + i]!))
      for (let c = 0; c < 3; c++) data[3 * (f * plane + i) + c] = 255 * (values[(4 * f + c) * plane + i]! + through)
    }
  return { width, height, count, data: new Uint8Array(data.buffer) }
}

/** Premultiplied pictures on white. */
export function rgbaOnWhite({ width, height, count, data }: RgbaFrames): Frames {
  return { width, height, count, data: onWhite(data, width, height * count, true).data }
}
