import type { RgbaFrames } from '../media/frames.js'

/** A picture at a size, with a border of nothing around it, so that blocks may lie partly or wholly outside. */
export interface Level {
  /** Grey and opacity of each pixel, interleaved: 8 bits each. */
  readonly data: Uint8Array
  /** Pixels of a row, with the border to both sides. */
  readonly stride: number
  /** Pixels of the border. */
  readonly border: number
}

/** Numbers of a pixel. */
const CHANNELS = 2

/**
 * A frame at its size, at half and so on.
 *
 * @param halvings how often it is halved; its sides can be divided by 2 as often
 * @param border pixels of nothing around the largest
 */
export function pyramid({ width, height, data }: RgbaFrames, frame: number, halvings: number, border: number): Level[] {
  const stride = width + 2 * border
  const whole = new Uint8Array(stride * (height + 2 * border) * CHANNELS)
  for (let y = 0, from = frame * width * height * 4; y < height; y++) {
    let to = CHANNELS * ((y + border) * stride + border)
    for (let x = 0; x < width; x++, from += 4, to += CHANNELS) {
      whole[to] = (data[from]! + 2 * data[from + 1]! + data[from + 2]!) >> 2
      whole[to + 1] = data[from + 3]!
    }
  }
  const levels: Level[] = [{ data: whole, stride, border }]
  for (let i = 0; i < halvings; i++) levels.push(halve(levels[i]!))
  return levels
}

function halve({ data, stride, border }: Level): Level {
  const half = stride / 2
  const rows = data.length / CHANNELS / stride / 2
  const halved = new Uint8Array(half * rows * CHANNELS)
  const below = CHANNELS * stride
  for (let i = 0; i < halved.length; i++) {
    const [pixel, channel] = [i >> 1, i & 1]
    const at = CHANNELS * (2 * Math.floor(pixel / half) * stride + 2 * (pixel % half)) + channel
    halved[i] = (data[at]! + data[at + CHANNELS]! + data[at + below]! + data[at + below + CHANNELS]! + 2) >> 2
  }
  return { data: halved, stride: half, border: border / 2 }
}

/**
 * How much two square blocks differ, by their upper left corners in pixels: the mean of |a - b| over both channels, in 8-bit levels.
 *
 * @param most from here on the exact number does not matter, and any that is as large may come back
 */
export function difference(
  a: Level,
  ax: number,
  ay: number,
  b: Level,
  bx: number,
  by: number,
  side: number,
  most = Infinity,
): number {
  const numbers = side * CHANNELS
  const enough = most * side * numbers
  let sum = 0
  for (let row = 0; row < side && sum < enough; row++) {
    const from = CHANNELS * ((ay + row + a.border) * a.stride + ax + a.border)
    const to = CHANNELS * ((by + row + b.border) * b.stride + bx + b.border)
    for (let i = 0; i < numbers; i++) sum += Math.abs(a.data[from + i]! - b.data[to + i]!)
  }
  return sum / (side * numbers)
}

/** The sum of the squares of a - b over two square blocks. */
export function squaredDifference(
  a: Level,
  ax: number,
  ay: number,
  b: Level,
  bx: number,
  by: number,
  side: number,
): number {
  let sum = 0
  for (let row = 0; row < side; row++) {
    const from = CHANNELS * ((ay + row + a.border) * a.stride + ax + a.border)
    const to = CHANNELS * ((by + row + b.border) * b.stride + bx + b.border)
    for (let i = 0; i < side * CHANNELS; i++) sum += (a.data[from + i]! - b.data[to + i]!) ** 2
  }
  return sum
}
