import { frameDifferences } from '../data/motion.js'
import type { Frames } from '../media/frames.js'

/** Where two pictures are equal: more than 8 bits can tell. */
const MOST_DECIBELS = 60

/** Peak signal-to-noise ratio of 8-bit values in dB, at most 60. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  let square = 0
  for (let i = 0; i < a.length; i++) square += (a[i]! - b[i]!) ** 2
  return Math.min(MOST_DECIBELS, 10 * Math.log10((255 * 255 * a.length) / square))
}

/** How much moves: the mean over the clip of `frameDifferences`, 0 to 1. */
export function motionOf(clip: Frames): number {
  const differences = frameDifferences(clip)
  return differences.reduce((sum, value) => sum + value, 0) / Math.max(1, differences.length)
}

/**
 * How much frames stick out from their neighbours: the mean of |x_t - (x_{t-1} + x_{t+1})/2| over pixels and inner
 * frames, 0 to 1. Even motion of large shapes hardly counts, grain and flashes do.
 */
export function flickerOf({ width, height, count, data }: Frames): number {
  const stride = 3 * width * height
  let sum = 0
  for (let i = stride; i < data.length - stride; i++)
    sum += Math.abs(data[i]! - (data[i - stride]! + data[i + stride]!) / 2)
  return count < 3 ? 0 : sum / (255 * stride * (count - 2))
}

/** The mean of |a - b| over pixels (and frames), 0 to 1. */
export function differenceOf(a: Pick<Frames, 'data'>, b: Pick<Frames, 'data'>): number {
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += Math.abs(a.data[i]! - b.data[i]!)
  return sum / (255 * a.data.length)
}
