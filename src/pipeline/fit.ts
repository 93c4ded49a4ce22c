import type { Picture } from '../media/frames.js'
import { resizePicture } from '../media/lanczos.js'
import type { Size } from '../media/resize.js'
import type { CheckedSettings } from './settings.js'

/**
 * Gives a picture the aspect ratio of `width` x `height` without scaling it: `cover` keeps its middle, `contain` puts
 * it in the middle of white, `stretch` leaves it alone. Where that white would be huge, as around a long strip, the
 * picture is made smaller first.
 */
export function fitPicture(picture: Picture, width: number, height: number, fit: CheckedSettings['fit']): Picture {
  if (fit === 'stretch' || picture.width * height === picture.height * width) return picture
  const canvas = canvasOf(picture, width, height, fit)
  const excess = Math.sqrt((canvas.width * canvas.height) / LARGEST_CANVAS)
  return fit === 'contain' && excess > 1
    ? fitPicture(shrunk(picture, excess), width, height, fit)
    : onCanvas(picture, canvas.width, canvas.height)
}

/** The canvas of the aspect ratio of `width` x `height` that a picture is laid on the middle of, in the picture's pixels. */
export function canvasOf(
  picture: Size,
  width: number,
  height: number,
  fit: Exclude<CheckedSettings['fit'], 'stretch'>,
): Size {
  const wider = picture.width * height > picture.height * width
  return wider === (fit === 'cover')
    ? { width: Math.max(1, Math.round((picture.height * width) / height)), height: picture.height }
    : { width: picture.width, height: Math.max(1, Math.round((picture.width * height) / width)) }
}

/** Pixels of the largest canvas, 50 MB: several times what any clip has. */
const LARGEST_CANVAS = 2 ** 24

/** The picture `factor` times smaller each way, and a pixel less, so that its canvas is within bounds. */
function shrunk(picture: Picture, factor: number): Picture {
  const side = (length: number) => Math.max(1, Math.floor(length / factor))
  return resizePicture(picture, side(picture.width), side(picture.height))
}

/**
 * The picture in the middle of a white canvas, cut where it is larger; one with transparency on a transparent canvas.
 */
function onCanvas(picture: Picture, width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3).fill(255)
  const alpha = picture.alpha && new Uint8Array(width * height)
  const left = Math.floor((width - picture.width) / 2)
  const top = Math.floor((height - picture.height) / 2)
  const from = Math.max(0, -left)
  const to = Math.min(picture.width, width - left)
  for (let y = Math.max(0, -top); y < Math.min(picture.height, height - top); y++) {
    const row = picture.data.subarray((y * picture.width + from) * 3, (y * picture.width + to) * 3)
    data.set(row, ((y + top) * width + left + from) * 3)
    alpha?.set(
      picture.alpha!.subarray(y * picture.width + from, y * picture.width + to),
      (y + top) * width + left + from,
    )
  }
  return { width, height, data, ...(alpha && { alpha }) }
}
