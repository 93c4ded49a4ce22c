import type { Picture } from '../media/frames.js'
import { gone, type Drag } from './motions.js'

/** Repetitions of the fixed-point iteration; each leaves at most 1/1.6 of the error. */
const ITERATIONS = 12

/**
 * The places that drags move: each carries the disc around it along as a whole, and what lies further out the less, over a margin
 * of 1.6 times its way at least. So steep at most, the map never folds: nothing is torn, and no hole is left to be filled.
 */
export class Warp {
  constructor(
    private readonly drags: readonly Drag[],
    private readonly frames: number,
  ) {}

  /** How far a place of the first picture belongs to what is dragged, 0 to 1. */
  share(x: number, y: number): number {
    return Math.min(
      1,
      this.drags.reduce((sum, drag) => sum + weight(drag, x, y), 0),
    )
  }

  /** Where the material has been in the first picture that is at a place in a frame. */
  source(x: number, y: number, frame: number): [number, number] {
    let [px, py] = [x, y]
    for (let i = 0; i < ITERATIONS; i++) {
      const [dx, dy] = this.#moved(px, py, frame)
      if (dx === 0 && dy === 0 && px === x && py === y) break
      px = x - dx
      py = y - dy
    }
    return [px, py]
  }

  /** How far the material at a place of the first picture has gone by a frame. */
  #moved(x: number, y: number, frame: number): [number, number] {
    let [right, down, sum] = [0, 0, 0]
    for (const drag of this.drags) {
      const own = weight(drag, x, y)
      if (own === 0) continue
      const share = own * gone(drag.ease, frame, this.frames)
      sum += own
      right += share * drag.dx
      down += share * drag.dy
    }
    const most = Math.max(1, sum)
    return [right / most, down / most]
  }
}

function weight({ x, y, dx, dy, radius }: Drag, atX: number, atY: number): number {
  const beyond = Math.hypot(atX - x, atY - y) - radius
  if (beyond <= 0) return 1
  const margin = Math.max(radius, 1.6 * Math.hypot(dx, dy))
  return beyond >= margin ? 0 : 0.5 + 0.5 * Math.cos((Math.PI * beyond) / margin)
}

/**
 * A rough clip of a picture whose parts are dragged: what a free denoiser is to follow, and what can be shown at once.
 *
 * @param picture of the clip's size
 * @returns `frames` pictures, the first of them the picture itself
 */
export function roughClip(picture: Picture, drags: readonly Drag[], frames: number): Picture[] {
  const warp = new Warp(drags, frames)
  const { width, height, data, alpha } = picture
  return Array.from({ length: frames }, (_, frame) => {
    if (drags.length === 0 || frame === 0) return picture
    const out = { width, height, data: data.slice(), ...(alpha && { alpha: alpha.slice() }) }
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        // Places are counted from the corner, pixels from their middle.
        const [fromX, fromY] = warp.source(x + 0.5, y + 0.5, frame)
        if (fromX === x + 0.5 && fromY === y + 0.5) continue
        const at = y * width + x
        for (let c = 0; c < 3; c++) out.data[3 * at + c] = bilinear(data, width, height, 3, c, fromX - 0.5, fromY - 0.5)
        if (out.alpha) out.alpha[at] = bilinear(alpha!, width, height, 1, 0, fromX - 0.5, fromY - 0.5)
      }
    return out
  })
}

/** A rounded sample of bytes (height, width, channels); beyond an edge lies the edge. */
function bilinear(
  data: Uint8Array,
  width: number,
  height: number,
  channels: number,
  channel: number,
  x: number,
  y: number,
): number {
  const [insideX, insideY] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))]
  const [left, top] = [Math.floor(insideX), Math.floor(insideY)]
  const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)]
  const [shareX, shareY] = [insideX - left, insideY - top]
  const value = (row: number, column: number) => data[(row * width + column) * channels + channel]!
  const above = value(top, left) + shareX * (value(top, right) - value(top, left))
  const below = value(bottom, left) + shareX * (value(bottom, right) - value(bottom, left))
  return Math.round(above + shareY * (below - above))
}
