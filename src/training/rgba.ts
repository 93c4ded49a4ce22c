import { type Frames, type RgbaFrames } from '../media/frames.js'
import { type Change } from './pixels.js'

/** A colour as bytes. */
export type Colour = readonly [number, number, number]

/** How pictures with alpha are changed on their way into a batch. */
export interface RgbaChange extends Change {
  /** What is laid behind them, which makes them opaque. */
  readonly ground?: Colour
}

/** Pictures with alpha as the networks take them, (count, 4, height, width) in [0, 1], changed; written at `offset`. */
export function writeRgbaPlanar(
  { width, height, count, data }: RgbaFrames,
  { mirror = false, channels = [0, 1, 2], ground }: RgbaChange,
  target: Float32Array,
  offset = 0,
): void {
  const plane = width * height
  for (let f = 0; f < count; f++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const source = 4 * ((f * height + y) * width + (mirror ? width - 1 - x : x))
        const at = offset + 4 * f * plane + y * width + x
        const through = ground ? 1 - data[source + 3]! / 255 : 0
        for (let c = 0; c < 3; c++)
          target[at + c * plane] = (data[source + channels[c]!]! + through * (ground?.[c] ?? 0)) / 255
        target[at + 3 * plane] = ground ? 1 : data[source + 3]! / 255
      }
}

/** Values (count, 4, height, width) in [0, 1], premultiplied, as 8-bit RGB on a colour (white unless told). */
export function onGround(
  values: Float32Array,
  width: number,
  height: number,
  ground: Colour = [255, 255, 255],
): Frames {
  const plane = width * height
  const count = values.length / (4 * plane)
  const data = new Uint8Array(3 * count * plane)
  for (let f = 0; f < count; f++)
    for (let i = 0; i < plane; i++) {
      const through = 1 - Math.min(1, Math.max(0, values[(4 * f + 3) * plane + i]!))
      for (let c = 0; c < 3; c++) {
        const value = Math.round(255 * values[(4 * f + c) * plane + i]! + through * ground[c]!)
        data[3 * (f * plane + i) + c] = Math.min(255, Math.max(0, value))
      }
    }
  return { width, height, count, data }
}

/** Premultiplied pictures on white. */
export function onWhite({ width, height, count, data }: RgbaFrames): Frames {
  const rgb = new Uint8Array((data.length / 4) * 3)
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const through = 255 - data[from + 3]!
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.min(255, data[from + c]! + through)
  }
  return { width, height, count, data: rgb }
}

/** Pictures changed as `writeRgbaPlanar` does, as bytes. */
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
