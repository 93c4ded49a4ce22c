import { frameAt, type Frames, type Picture } from '../media/frames.js'

/** Which frames of a clip are looked at, counted from 1; of a shorter clip the last one in place of those it lacks. */
export const TORN_FRAMES: readonly number[] = [5, 9, 14]

/** Pixels of a side of a block, and how far from its own place it is looked for. */
const [BLOCK, REACH] = [4, 14]
/** Mean square error, of values from 0 to 1, above which a block is torn: as a sum over a block of 8-bit values. */
const MOST = 0.01 * BLOCK * BLOCK * 3 * 255 * 255

/** All shifts within reach, the shortest first: what moves little is then soon found. */
const SHIFTS = Array.from({ length: (2 * REACH + 1) ** 2 }, (_, i): readonly [number, number] => [
  (i % (2 * REACH + 1)) - REACH,
  Math.floor(i / (2 * REACH + 1)) - REACH,
]).sort(([ax, ay], [bx, by]) => ax * ax + ay * ay - bx * bx - by * by)

/**
 * How much of some later frames is no part of the first: the share of 4x4 blocks whose mean square error exceeds 0.01
 * wherever, within 14 whole pixels to each side, they are held against the first frame, its edges repeated. Crumbs and
 * smears count, what moves as a whole does not; nor does a clip that stands still, so read it together with motion.
 *
 * @param clip RGB on white; a rest of less than a block at the right and lower edge is left out
 * @returns a share of 0 to 1 for each of `TORN_FRAMES`.
 */
export function tornBlocks(clip: Frames): number[] {
  const first = extend(frameAt(clip, 0))
  return TORN_FRAMES.map((frame) => tornShare(frameAt(clip, Math.min(frame, clip.count) - 1), first))
}

function tornShare({ width, height, data }: Picture, first: Picture): number {
  const [columns, rows] = [Math.floor(width / BLOCK), Math.floor(height / BLOCK)]
  let torn = 0
  // Neighbours mostly move alike: the shift that fitted last is tried first.
  let last: readonly [number, number] = [0, 0]
  for (let i = 0; i < columns * rows; i++) {
    const [x, y] = [(i % columns) * BLOCK, Math.floor(i / columns) * BLOCK]
    const fits = ([dx, dy]: readonly [number, number]) =>
      isLike(
        data,
        3 * (y * width + x),
        3 * width,
        first.data,
        3 * ((y + dy + REACH) * first.width + x + dx + REACH),
        3 * first.width,
      )
    if (fits(last)) continue
    const found = SHIFTS.find(fits)
    if (found) last = found
    else torn++
  }
  return torn / (columns * rows)
}

/** Whether two blocks, given by their first byte and the bytes of a row, differ by no more than `MOST`. */
function isLike(a: Uint8Array, fromA: number, rowA: number, b: Uint8Array, fromB: number, rowB: number): boolean {
  let square = 0
  for (let row = 0; row < BLOCK; row++) {
    for (let i = 0; i < BLOCK * 3; i++) {
      const difference = a[fromA + row * rowA + i]! - b[fromB + row * rowB + i]!
      square += difference * difference
    }
    if (square > MOST) return false
  }
  return true
}

/** A picture with its edges repeated, `REACH` pixels to each side. */
function extend({ width, height, data }: Picture): Picture {
  const [wide, high] = [width + 2 * REACH, height + 2 * REACH]
  const extended = new Uint8Array(wide * high * 3)
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const fromX = Math.min(width - 1, Math.max(0, x - REACH))
      const fromY = Math.min(height - 1, Math.max(0, y - REACH))
      for (let c = 0; c < 3; c++) extended[3 * (y * wide + x) + c] = data[3 * (fromY * width + fromX) + c]!
    }
  }
  return { width: wide, height: high, data: extended }
}
