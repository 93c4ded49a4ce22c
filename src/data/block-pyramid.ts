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
 * How much two square blocks differ, by their upper left corners in pixels: the mean of |a - b| over both channels, in
 * 8-bit levels.
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

/** Rounds in which a displacement is refined, and how far it may go by that, in pixels. */
const [ROUNDS, FURTHEST] = [4, 1.2]

/**
 * A displacement to a fraction of a pixel: that of the least squares between a block and the other picture, by the
 * gradients of the block (Lucas and Kanade 1981). It stays as it is where that leads away.
 *
 * @param x of the block's upper left corner in `a`, in pixels
 * @param dx whole pixels from there to its place in `b`
 */
export function refine(
  a: Level,
  b: Level,
  x: number,
  y: number,
  side: number,
  dx: number,
  dy: number,
): [number, number] {
  let [offX, offY] = [0, 0]
  const row = CHANNELS * b.stride
  for (let round = 0; round < ROUNDS; round++) {
    const [wholeX, wholeY] = [Math.floor(offX), Math.floor(offY)]
    const [u, v] = [offX - wholeX, offY - wholeY]
    let [xx, xy, yy, xr, yr] = [0, 0, 0, 0, 0]
    for (let j = 0; j < side; j++) {
      const from = CHANNELS * ((y + j + a.border) * a.stride + x + a.border)
      const to = CHANNELS * ((y + j + dy + wholeY + b.border) * b.stride + x + dx + wholeX + b.border)
      for (let i = 0; i < side * CHANNELS; i++) {
        const gx = (a.data[from + i + CHANNELS]! - a.data[from + i - CHANNELS]!) / 2
        const gy = (a.data[from + i + CHANNELS * a.stride]! - a.data[from + i - CHANNELS * a.stride]!) / 2
        const above = b.data[to + i]! * (1 - u) + b.data[to + i + CHANNELS]! * u
        const below = b.data[to + i + row]! * (1 - u) + b.data[to + i + row + CHANNELS]! * u
        const rest = above * (1 - v) + below * v - a.data[from + i]!
        xx += gx * gx
        xy += gx * gy
        yy += gy * gy
        xr += gx * rest
        yr += gy * rest
      }
    }
    const det = xx * yy - xy * xy
    if (det < 1e-3 * xx * yy || det === 0) return [dx, dy]
    const [stepX, stepY] = [(yy * xr - xy * yr) / det, (xx * yr - xy * xr) / det]
    offX -= stepX
    offY -= stepY
    if (Math.max(Math.abs(offX), Math.abs(offY)) > FURTHEST) return [dx, dy]
    if (Math.hypot(stepX, stepY) < 0.02) break
  }
  return [dx + offX, dy + offY]
}
