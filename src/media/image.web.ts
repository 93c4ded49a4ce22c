import { UserError } from '../errors.js'
import type { Picture } from './frames.js'
import { checkImageSize, readImageHeader } from './image-header.js'
import { withoutAlpha } from './pixels.web.js'

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
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${format}` })).catch(() => {
    throw new UserError(`cannot read ${label}: the picture is damaged or cut short; save or download it again`)
  })
  try {
    checkImageSize(bitmap.width, bitmap.height, label)
    return picturePixels(bitmap, bitmap.width, bitmap.height)
  } finally {
    bitmap.close()
  }
}

/** The pixels of something drawable, on white, scaled to `width` x `height`. */
export function picturePixels(source: CanvasImageSource, width: number, height: number): Picture {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, width, height)
  context.drawImage(source, 0, 0, width, height)
  return { width, height, data: withoutAlpha(context.getImageData(0, 0, width, height).data) }
}
