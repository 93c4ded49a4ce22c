import type { Picture } from '../media/frames.js'
import type { CheckedSettings } from './settings.js'

/**
 * Gives a picture the aspect ratio of `width` x `height` without scaling it: `cover` keeps its middle, `contain` puts it
 * in the middle of white, `stretch` leaves it alone.
 */
export function fitPicture(picture: Picture, width: number, height: number, fit: CheckedSettings['fit']): Picture {
  const wider = picture.width * height > picture.height * width
  if (fit === 'stretch' || picture.width * height === picture.height * width) return picture
  const keepsHeight = wider === (fit === 'cover')
  return keepsHeight
    ? onCanvas(picture, Math.max(1, Math.round((picture.height * width) / height)), picture.height)
    : onCanvas(picture, picture.width, Math.max(1, Math.round((picture.width * height) / width)))
}

/** The picture in the middle of a white canvas, cut where it is larger. */
function onCanvas(picture: Picture, width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3).fill(255)
  const left = Math.floor((width - picture.width) / 2)
  const top = Math.floor((height - picture.height) / 2)
  const from = Math.max(0, -left)
  const to = Math.min(picture.width, width - left)
  for (let y = Math.max(0, -top); y < Math.min(picture.height, height - top); y++) {
    const row = picture.data.subarray((y * picture.width + from) * 3, (y * picture.width + to) * 3)
    data.set(row, ((y + top) * width + left + from) * 3)
  }
  return { width, height, data }
}
