import { frameAt, type Frames, type Picture } from '../media/frames.js'

/** How near some frames of a clip are to its first one. */
export interface Nearness {
  /** PSNR in dB of the mean and the deviation of each colour, of 8-bit values; at most 60. */
  readonly colours: number
  /** Mean gradient over that of the first frame. */
  readonly sharpness: number
}

/** How far a long clip drifts. */
export interface Drift {
  /** Of the first frames. */
  readonly first: Nearness
  /** Of as many last ones. */
  readonly last: Nearness
}

/**
 * How a long clip's last frames differ from its first ones in colours and sharpness, each held against the very first frame.
 *
 * @param count how many frames are looked at on each side
 */
export function driftOf(clip: Frames, count: number): Drift {
  const first = frameAt(clip, 0)
  const colours = coloursOf(first)
  const sharpness = gradientOf(first)
  const nearness = (from: number): Nearness => {
    const frames = Array.from({ length: count }, (_, i) => frameAt(clip, from + i))
    const square = meanOf(frames.map((frame) => meanOf(coloursOf(frame).map((value, i) => (value - colours[i]!) ** 2))))
    return {
      colours: Math.min(60, 10 * Math.log10(255 ** 2 / square)),
      sharpness: meanOf(frames.map(gradientOf)) / sharpness,
    }
  }
  return { first: nearness(0), last: nearness(clip.count - count) }
}

/** Mean and deviation of red, green and blue. */
function coloursOf({ data }: Picture): number[] {
  const pixels = data.length / 3
  return [0, 1, 2].flatMap((channel) => {
    let [sum, square] = [0, 0]
    for (let i = channel; i < data.length; i += 3) {
      sum += data[i]!
      square += data[i]! ** 2
    }
    return [sum / pixels, Math.sqrt(Math.max(0, square / pixels - (sum / pixels) ** 2))]
  })
}

/** The mean of what neighbours to the right and below differ by. */
function gradientOf({ width, height, data }: Picture): number {
  let [sum, count] = [0, 0]
  for (let y = 0; y + 1 < height; y++)
    for (let at = 3 * y * width; at < 3 * ((y + 1) * width - 1); at++, count += 2)
      sum += Math.abs(data[at + 3]! - data[at]!) + Math.abs(data[at + 3 * width]! - data[at]!)
  return sum / count
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
