import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { checkImageSize, readImageHeader } from './image-header.js'
import { withoutAlpha } from './pixels.web.js'
import { takeWebpOrientation } from './webp-orientation.js'

/**
 * Opens a still picture upright, transparency kept; of an animation the first frame. What it is tells its bytes, not its name: a
 * drawing that could hold scripts never reaches a decoder.
 *
 * @param name stands for the picture in messages; the file's unless told
 * @throws UserError when it cannot be read, is no picture, has a side under 8 or over 16,384 pixels, or has more than 64
 *   million pixels.
 */
export async function openImage(source: Blob, name?: string): Promise<ImageBitmap> {
  const label = name ?? (source instanceof File && source.name !== '' ? source.name : 'the picture')
  const bytes = new Uint8Array(await source.arrayBuffer())
  const { format } = readImageHeader(bytes, label)
  const orientation = format === 'webp' ? takeWebpOrientation(bytes) : 1
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${format}` })).catch(() => {
    throw new UserError(`cannot read ${label}: the picture is damaged or cut short; save or download it again`)
  })
  checkImageSize(bitmap.width, bitmap.height, label)
  return upright(bitmap, orientation)
}

/**
 * Reads a still picture as `openImage` does, in sRGB, on white where it is transparent, with its opacity then.
 *
 * @throws UserError as `openImage` does.
 */
export async function readImage(source: Blob, name?: string): Promise<Picture> {
  const bitmap = await openImage(source, name)
  try {
    return picturePixels(bitmap)
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

/** A picture turned as an orientation of EXIF (1 to 8) says; the one that is given is closed where it is not the answer. */
function upright(bitmap: ImageBitmap, orientation: number): ImageBitmap {
  const transform = TRANSFORMS[orientation - 2]
  if (!transform) return bitmap
  const { width, height } = bitmap
  const canvas = orientation > 4 ? new OffscreenCanvas(height, width) : new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')!
  context.setTransform(...transform(width, height))
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  return canvas.transferToImageBitmap()
}

/** The pixels of a picture on white. */
function picturePixels(bitmap: ImageBitmap): Picture {
  const { width: w, height: h } = bitmap
  const context = new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true })!
  context.drawImage(bitmap, 0, 0)
  const pixels = () => context.getImageData(0, 0, w, h).data
  const rgba = pixels()
  const alpha = Uint8Array.from({ length: w * h }, (_, pixel) => rgba[4 * pixel + 3]!)
  if (alpha.every((value) => value === 255)) return { width: w, height: h, data: withoutAlpha(rgba) }
  context.globalCompositeOperation = 'destination-over'
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, w, h)
  return { width: w, height: h, data: withoutAlpha(pixels()), alpha }
}
