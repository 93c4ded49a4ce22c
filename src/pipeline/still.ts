import type { ClipContent } from '../media/clip.js'
import type { Frames, Picture } from '../media/frames.js'
import { resizePicture } from '../media/lanczos.js'
import { fitPicture } from './fit.js'
import type { Geometry } from './geometry.js'
import type { CheckedSettings } from './settings.js'

/** What shall stand still and what may move: pictures whose white says where. */
export interface Masks {
  readonly still?: Picture | undefined
  readonly moving?: Picture | undefined
}

/**
 * How much of each pixel of a clip stands still, (height, width), 0 to 1: what is white in `still`, and what is not in `moving`.
 * Masks are scaled to the picture first, and fitted as it is.
 *
 * @param picture before it is fitted
 */
export function stillPixels(
  { still, moving }: Masks,
  picture: Picture,
  { width, height }: Geometry,
  fit: CheckedSettings['fit'],
): Float32Array | undefined {
  if (!still && !moving) return undefined
  const whiteness = (mask: Picture) => {
    const { data, alpha } = resizePicture(mask, picture.width, picture.height)
    const opaque = { width: picture.width, height: picture.height, data: shown(data, alpha) }
    const fitted = resizePicture(fitPicture(opaque, width, height, fit), width, height)
    return Float32Array.from({ length: width * height }, (_, i) => {
      const [r, g, b] = [fitted.data[3 * i]!, fitted.data[3 * i + 1]!, fitted.data[3 * i + 2]!]
      return (r + g + b) / 765
    })
  }
  const kept = still ? whiteness(still) : new Float32Array(width * height)
  return moving ? whiteness(moving).map((value, i) => Math.max(kept[i]!, 1 - value)) : kept
}

/** What is clear in a mask counts as black: the picture's colours lie on white. */
function shown(data: Uint8Array, alpha: Uint8Array | undefined): Uint8Array {
  return alpha ? data.map((value, i) => Math.max(0, value - 255 + alpha[Math.floor(i / 3)]!)) : data
}

/** (h, w): how much of each latent cell stands still. */
export function stillCells(still: Float32Array, { width, latentHeight, latentWidth }: Geometry): Float32Array {
  const factor = width / latentWidth
  const cells = new Float32Array(latentHeight * latentWidth)
  for (const [pixel, value] of still.entries()) {
    const [column, row] = [Math.floor((pixel % width) / factor), Math.floor(Math.floor(pixel / width) / factor)]
    cells[row * latentWidth + column]! += value / factor ** 2
  }
  return cells
}

/** Lays the picture's own pixels over all frames, where it stands still. */
export function withStill<T extends { readonly frames: Frames; readonly alpha?: ClipContent['alpha'] }>(
  made: T,
  still: Float32Array,
  picture: Picture,
): T {
  const { width, height, count } = made.frames
  const own = resizePicture(picture, width, height)
  const pixels = width * height
  const data = made.frames.data.map((value, i) => {
    const at = i % (3 * pixels)
    return Math.round(value + still[Math.floor(at / 3)]! * (own.data[at]! - value))
  })
  const alpha =
    made.alpha && own.alpha
      ? made.alpha.map((value, i) => Math.round(value + still[i % pixels]! * (own.alpha![i % pixels]! - value)))
      : made.alpha
  return { ...made, frames: { width, height, count, data }, ...(alpha && { alpha }) }
}
