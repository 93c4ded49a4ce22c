import type { RgbaFrames } from '../media/frames.js'

/** `x' = a x + c y + e`, `y' = b x + d y + f`, in pixels from the centre of the top left one: (a, b, c, d, e, f). */
export type Affine = readonly [number, number, number, number, number, number]

/** A displacement of each place, (x, y) in pixels, written to `out`. */
export type Displacement = (x: number, y: number, out: Float64Array) => void

/** What has become of a figure by one frame: each of its places displaced, then the whole moved. */
export interface Pose {
  readonly whole: Affine
  /** None where no part moves by itself. */
  readonly part?: Displacement
}

/** A figure in its place on the canvas. */
export interface Layer {
  /** One picture. */
  readonly picture: RgbaFrames
  /** From the picture to the canvas, before anything moves. */
  readonly placement: Affine
}

/** Leaves all where it is. */
export const IDENTITY: Affine = [1, 0, 0, 1, 0, 0]

/** Pixels between the places where the inverse of a pose is solved; in between it is interpolated. */
const STEP = 4
/** When a solution is good enough, in pixels, and after how many rounds it is taken as it is. */
const [CLOSE, ROUNDS] = [0.02, 12]

/** First `inner`, then `outer`. */
export function after(outer: Affine, inner: Affine): Affine {
  const [a, b, c, d, e, f] = outer
  const [p, q, r, s, t, u] = inner
  return [a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f]
}

/** A linear map (a, b, c, d) that leaves one point where it is. */
export function about(x: number, y: number, a: number, b: number, c: number, d: number): Affine {
  return [a, b, c, d, x - a * x - c * y, y - b * x - d * y]
}

/** Undoes a map. */
export function inverse([a, b, c, d, e, f]: Affine): Affine {
  const det = a * d - b * c
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det]
}

/** Where the material at (x, y) of the canvas at rest has gone in a pose. */
export function moved({ whole, part }: Pose, x: number, y: number): [number, number] {
  const by = new Float64Array(2)
  part?.(x, y, by)
  const [px, py] = [x + by[0]!, y + by[1]!]
  return [whole[0] * px + whole[2] * py + whole[4], whole[1] * px + whole[3] * py + whole[5]]
}

/**
 * Paints a figure in a pose over what is there.
 *
 * @param canvas premultiplied RGBA, (height, width, 4); changed in place
 */
export function paint(canvas: Uint8Array, width: number, height: number, layer: Layer, pose: Pose): void {
  const columns = Math.ceil(width / STEP) + 1
  const sources = sourceGrid(width, height, layer, pose)
  const samples = samplesPerPixel(after(pose.whole, layer.placement))
  const corners = new Float64Array(8)
  for (let top = 0; top < height; top += STEP) {
    for (let left = 0; left < width; left += STEP) {
      const at = 2 * ((top / STEP) * columns + left / STEP)
      for (let i = 0; i < 4; i++) {
        corners[i] = sources[at + i]!
        corners[i + 4] = sources[at + 2 * columns + i]!
      }
      if (!isBeyond(corners, layer.picture))
        paintSquare(canvas, width, height, left, top, corners, layer.picture, samples)
    }
  }
}

/** Whether a square whose corners come from these places shows nothing of the picture. */
function isBeyond(corners: Float64Array, { width, height }: RgbaFrames): boolean {
  let [left, right, above, below] = [true, true, true, true]
  for (let i = 0; i < 8; i += 2) {
    left &&= corners[i]! <= -2
    right &&= corners[i]! >= width + 1
    above &&= corners[i + 1]! <= -2
    below &&= corners[i + 1]! >= height + 1
  }
  return left || right || above || below
}

/** Paints `STEP` by `STEP` pixels; where their colours come from is interpolated from the square's corners. */
function paintSquare(
  canvas: Uint8Array,
  width: number,
  height: number,
  left: number,
  top: number,
  corners: Float64Array,
  picture: RgbaFrames,
  [across, down]: readonly [number, number],
): void {
  const [ax, ay, bx, by] = [corners[0]!, corners[1]!, corners[2]!, corners[3]!]
  const [cx, cy, dx, dy] = [corners[4]!, corners[5]!, corners[6]!, corners[7]!]
  const share = 1 / (across * down)
  const colour = new Float64Array(4)
  for (let y = top; y < Math.min(top + STEP, height); y++) {
    for (let x = left; x < Math.min(left + STEP, width); x++) {
      colour.fill(0)
      for (let row = 0; row < down; row++) {
        const v = (y - top + (row + 0.5) / down - 0.5) / STEP
        for (let column = 0; column < across; column++) {
          const u = (x - left + (column + 0.5) / across - 0.5) / STEP
          const dw = u * v
          const bw = u - dw
          const cw = v - dw
          const aw = 1 - u - cw
          const fromX = aw * ax + bw * bx + cw * cx + dw * dx
          addSample(picture, fromX, aw * ay + bw * by + cw * cy + dw * dy, share, colour)
        }
      }
      if (colour[3] === 0) continue
      const at = 4 * (y * width + x)
      const through = 1 - colour[3]! / 255
      for (let c = 0; c < 4; c++) canvas[at + c] = colour[c]! + canvas[at + c]! * through + 0.5
    }
  }
}

/** Where in the picture the colour of every `STEP`th pixel comes from: (rows, columns, 2). */
function sourceGrid(width: number, height: number, { placement }: Layer, { whole, part }: Pose): Float64Array {
  const [columns, rows] = [Math.ceil(width / STEP) + 1, Math.ceil(height / STEP) + 1]
  const unmoved = inverse(whole)
  const toPicture = inverse(placement)
  const grid = new Float64Array(rows * columns * 2)
  const by = new Float64Array(2)
  for (let i = 0; i < rows * columns; i++) {
    const [x, y] = [(i % columns) * STEP, Math.floor(i / columns) * STEP]
    const goalX = unmoved[0] * x + unmoved[2] * y + unmoved[4]
    const goalY = unmoved[1] * x + unmoved[3] * y + unmoved[5]
    let [px, py] = [goalX, goalY]
    for (let round = 0; part && round < ROUNDS; round++) {
      part(px, py, by)
      const [offX, offY] = [goalX - by[0]! - px, goalY - by[1]! - py]
      px += offX
      py += offY
      if (offX * offX + offY * offY < CLOSE * CLOSE) break
    }
    grid[2 * i] = toPicture[0] * px + toPicture[2] * py + toPicture[4]
    grid[2 * i + 1] = toPicture[1] * px + toPicture[3] * py + toPicture[5]
  }
  return grid
}

/** How many samples a pixel needs across and down, so that a figure made smaller does not flicker. */
function samplesPerPixel(map: Affine): [number, number] {
  const [a, b, c, d] = inverse(map)
  const needed = (step: number) => Math.min(4, Math.max(1, Math.ceil(step - 0.5)))
  return [needed(Math.hypot(a, b)), needed(Math.hypot(c, d))]
}

/** Adds a share of the picture's colour between its pixels; beyond its border it is transparent. */
function addSample({ width, height, data }: RgbaFrames, x: number, y: number, share: number, sum: Float64Array): void {
  if (!(x > -1 && y > -1 && x < width && y < height)) return
  const left = Math.floor(x)
  const top = Math.floor(y)
  const u = x - left
  const v = y - top
  for (let corner = 0; corner < 4; corner++) {
    const column = left + (corner & 1)
    const row = top + (corner >> 1)
    if (column < 0 || row < 0 || column >= width || row >= height) continue
    const at = 4 * (row * width + column)
    if (data[at + 3] === 0) continue
    const weight = share * (corner & 1 ? u : 1 - u) * (corner >> 1 ? v : 1 - v)
    sum[0]! += weight * data[at]!
    sum[1]! += weight * data[at + 1]!
    sum[2]! += weight * data[at + 2]!
    sum[3]! += weight * data[at + 3]!
  }
}
