import { UserError } from '../errors.js'
import type { Frames } from './frames.js'
import type { Size } from './resize.js'

/** One picture of a clip that is being read: `data` is 8-bit RGB in order (height, width, 3). */
export interface ClipFrame {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
  /** Opacity of each pixel, 0 to 255, (height, width); absent where the source has no transparency. */
  readonly alpha?: Uint8Array
}

/** How a clip is read: at another rate and size, so that a long one is never held in memory at its own. */
export interface Sampling {
  /** Pictures per second. */
  readonly fps: number
  /** Of the pictures, in pixels. */
  readonly size: Size
  /**
   * How pictures of another shape become this one: their middle, all of them on white, or distorted. Default: cover.
   */
  readonly fit?: 'cover' | 'contain' | 'stretch'
  /** A moving clip too short for this many pictures is played again until they are there. Default: 1. */
  readonly minFrames?: number
  /** The most pictures; nothing behind them is decoded. Default: all. */
  readonly maxFrames?: number
}

/** A colour behind transparent pixels: red, green, blue, 0 to 255. */
const WHITE = 255

/**
 * A picture with transparency, laid on white.
 *
 * @param rgba (height, width, 4)
 * @param premultiplied whether the colours are multiplied by the opacity already
 */
export function onWhite(rgba: ArrayLike<number>, width: number, height: number, premultiplied = false): ClipFrame {
  const pixels = width * height
  const data = new Uint8Array(pixels * 3)
  const alpha = new Uint8Array(pixels)
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += 4) {
    const a = rgba[from + 3]!
    alpha[i] = a
    for (let c = 0; c < 3; c++) {
      const value = rgba[from + c]!
      data[to++] = premultiplied ? Math.min(WHITE, value + WHITE - a) : (value * a + WHITE * (255 - a)) / 255 + 0.5
    }
  }
  return alpha.every((a) => a === 255) ? { width, height, data } : { width, height, data, alpha }
}

/** A clip in memory, laid on white. */
export interface DecodedClip {
  readonly frames: Frames
  /** Opacity of each pixel, 0 to 255, in order (count, height, width); absent where the source has no transparency. */
  readonly alpha?: Uint8Array
}

/**
 * Gathers the pictures of a clip.
 *
 * @param name stands for the clip in messages
 * @throws UserError when the pictures are not all of one size.
 */
export async function gather(
  pictures: AsyncIterable<ClipFrame> | Iterable<ClipFrame>,
  name: string,
): Promise<DecodedClip> {
  const all: ClipFrame[] = []
  for await (const picture of pictures) all.push(picture)
  const { width, height } = all[0]!
  const pixels = width * height
  const data = new Uint8Array(all.length * pixels * 3)
  const alpha = all.some((picture) => picture.alpha) ? new Uint8Array(all.length * pixels).fill(255) : undefined
  for (const [index, picture] of all.entries()) {
    if (picture.width !== width || picture.height !== height) {
      const sizes = `${width}x${height} and ${picture.width}x${picture.height}`
      throw new UserError(`cannot read ${name}: it has pictures of ${sizes}; give pictures of one size`)
    }
    data.set(picture.data, index * pixels * 3)
    if (picture.alpha) alpha?.set(picture.alpha, index * pixels)
  }
  const frames = { width, height, count: all.length, data }
  return alpha ? { frames, alpha } : { frames }
}
