import { type Frames } from '../../media/frames.js'
import { type Size } from '../../media/resize.js'

/** A square window of a picture, in pixels from its top left corner. */
export interface Crop {
  readonly x: number
  readonly y: number
  readonly size: number
}

/**
 * Orders of red, green and blue. Two thirds of the emoji are people, all of them brown to yellow: a network that sees
 * little else paints the sea brown. With channels exchanged at random every colour is as frequent as the others. The
 * first is none.
 */
export const CHANNEL_ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

/** How a picture is changed on its way into a batch. */
export interface Change {
  /** Left and right are swapped. */
  readonly mirror?: boolean
  /** Which channel of the picture becomes red, which green, which blue. White stays white. */
  readonly channels?: readonly [number, number, number]
}

/**
 * Frames as the networks take them: (count, 3, size, size) in [-1, 1], cropped and changed; written into `target` at
 * `offset`.
 */
export function writePlanar(
  frames: Frames,
  { x, y, size }: Crop,
  change: Change,
  target: Float32Array,
  offset = 0,
): void {
  writeWindow(frames, { x, y, width: size, height: size }, change, target, offset)
}

/** The whole of frames as (count, 3, height, width) in [-1, 1], changed. */
export function toPlanar(frames: Frames, change: Change = {}): Float32Array {
  const { width, height } = frames
  const target = new Float32Array(frames.data.length)
  writeWindow(frames, { x: 0, y: 0, width, height }, change, target, 0)
  return target
}

function writeWindow(
  frames: Frames,
  window: { readonly x: number; readonly y: number } & Size,
  { mirror = false, channels = [0, 1, 2] }: Change,
  target: Float32Array,
  offset: number,
): void {
  const { count, data } = frames
  const { x, y, width, height } = window
  const plane = width * height
  for (let f = 0; f < count; f++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const across = x + (mirror ? width - 1 - column : column)
        const source = 3 * ((f * frames.height + y + row) * frames.width + across)
        const at = offset + 3 * f * plane + row * width + column
        for (let c = 0; c < 3; c++) target[at + c * plane] = data[source + channels[c]!]! / 127.5 - 1
      }
}
