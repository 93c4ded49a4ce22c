import type { Frames } from './frames.js'
import { resizeLanczos } from './lanczos.js'

/**
 * Resizes pictures to squares of `side` pixels, quickly where that is possible: by the means of blocks of pixels where
 * the sides are multiples of it, else as `resizeLanczos`. The aspect ratio is not kept.
 */
export function shrink(frames: Frames, side: number): Frames {
  const { width, height, count, data } = frames
  const [across, down] = [width / side, height / side]
  if (across === 1 && down === 1) return frames
  if (!Number.isInteger(across) || !Number.isInteger(down)) return resizeLanczos(frames, side, side)
  const out = new Uint8Array(3 * count * side * side)
  const scale = 1 / (across * down)
  const sums = new Uint32Array(3 * side)
  for (let row = 0; row < count * side; row++) {
    sums.fill(0)
    for (let at = 3 * width * down * row, end = at + 3 * width * down; at < end;)
      for (let i = 0; i < sums.length; i += 3)
        for (let k = 0; k < across; k++) {
          sums[i]! += data[at++]!
          sums[i + 1]! += data[at++]!
          sums[i + 2]! += data[at++]!
        }
    for (let i = 0; i < sums.length; i++) out[row * sums.length + i] = sums[i]! * scale + 0.5
  }
  return { width: side, height: side, count, data: out }
}
