import { onWhite } from '../../media/clip-frame.js'
import { type Frames, type Picture, type RgbaFrames } from '../../media/frames.js'
import { concatenated } from '../../runtime/concatenated.js'
import { rgbaInput } from '../../svd/preprocess.js'
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

/** Pictures with alpha as a first stage with alpha takes them: (count, 4, height, width) in [0, 1], premultiplied. */
export function rgbaPlanes(pictures: RgbaFrames): Float32Array {
  return concatenated(Array.from({ length: pictures.count }, (_, i) => rgbaInput(pictureAt(pictures, i), pictures)))
}

/** One of several pictures, on white with its opacity. */
export function pictureAt({ width, height, data }: RgbaFrames, frame: number): Picture {
  const stride = 4 * width * height
  return onWhite(data.subarray(frame * stride, (frame + 1) * stride), width, height, true)
}

/** Premultiplied pictures on white. */
export function rgbaOnWhite({ width, height, count, data }: RgbaFrames): Frames {
  return { width, height, count, data: onWhite(data, width, height * count, true).data }
}
