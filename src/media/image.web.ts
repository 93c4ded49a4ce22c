import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { checkImageSize, readImageHeader } from './image-header.js'
import { withoutAlpha } from './pixels.web.js'
import { takeWebpOrientation } from './webp-orientation.js'

/**
 * Reads a still picture upright, in sRGB, on white where it is transparent; of an animation the first frame. What it is
 * tells its bytes, not its name: a drawing that could hold scripts never reaches a decoder.
 *
 * @param name stands for the picture in messages; the file's unless told
 * @throws UserError when it cannot be read, is no picture, has a side under 8 or over 16,384 pixels, or has more than 64
 *   million pixels.
 */
export async function readImage(source: Blob, name?: string): Promise<Picture> {
  const label = name ?? (source instanceof File && source.name !== '' ? source.name : 'the picture')
  const bytes = new Uint8Array(await source.arrayBuffer())
  const { format } = readImageHeader(bytes, label)
  const orientation = format === 'webp' ? takeWebpOrientation(bytes) : 1
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${format}` })).catch(() => {
    throw new UserError(`cannot read ${label}: the picture is damaged or cut short; save or download it again`)
  })
  try {
    checkImageSize(bitmap.width, bitmap.height, label)
    return picturePixels(bitmap, bitmap.width, bitmap.height, orientation)
  } finally {
    bitmap.close()
  }
}

/** How a picture of width w and height h is drawn for each orientation of EXIF from 2 on, as a transform of the canvas. */
const TRANSFORMS: readonly ((w: number, h: number) => [number, number, number, number, number, number])[] = [
  (w) => [-1, 0, 0, 1, w, 0],
  (w, h) => [-1, 0, 0, -1, w, h],
  (_, h) => [1, 0, 0, -1, 0, h],
  () => [0, 1, 1, 0, 0, 0],
  (_, h) => [0, 1, -1, 0, h, 0],
  (w, h) => [0, -1, -1, 0, h, w],
  (w) => [0, -1, 1, 0, 0, w],
]

/** The pixels of something drawable of `width` x `height`, on white, turned as an orientation of EXIF (1 to 8) says. */
function picturePixels(source: CanvasImageSource, width: number, height: number, orientation: number): Picture {
  const [w, h] = orientation > 4 ? [height, width] : [width, height]
  const context = new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true })!
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, w, h)
  const transform = TRANSFORMS[orientation - 2]
  if (transform) context.setTransform(...transform(width, height))
  context.drawImage(source, 0, 0, width, height)
  return { width: w, height: h, data: withoutAlpha(context.getImageData(0, 0, w, h).data) }
}
