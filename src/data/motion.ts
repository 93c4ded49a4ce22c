import type { Frames } from '../media/frames.js'

/**
 * How much each frame differs from the one before: `mean(|a - b|) / 255` over all pixels and channels, 0 to 1.
 *
 * @returns `count - 1` numbers.
 */
export function frameDifferences(frames: Frames): number[] {
  const { data, count } = frames
  const stride = frames.width * frames.height * 3
  return Array.from({ length: Math.max(0, count - 1) }, (_, i) => {
    let sum = 0
    for (let at = (i + 1) * stride, end = at + stride; at < end; at++) {
      sum += Math.abs((data[at] as number) - (data[at - stride] as number))
    }
    return sum / (255 * stride)
  })
}
