import { UserError, type Picture } from '../../src/web/index.js'
import { readImageHeader } from '../../src/media/image-header.js'
import { withoutAlpha } from '../../src/media/pixels.web.js'

/** Pixels of the picture that the model is given: its own resizing does the rest. */
const SIDE = 256
/** The longer side that an opened picture is kept at. */
const KEPT = 1024

/** Reads a picture file as a bitmap that is not larger than needed, transparency kept. */
export async function openBitmap(file: Blob): Promise<ImageBitmap> {
  const name = file instanceof File && file.name !== '' ? file.name : 'the picture'
  const bytes = new Uint8Array(await file.arrayBuffer())
  // A drawing that could hold scripts, or a picture too large to hold, never reaches a decoder.
  const { format, size } = readImageHeader(bytes, name)
  const longer = size ? Math.max(size.width, size.height) : 0
  const options: ImageBitmapOptions =
    size && longer > KEPT
      ? {
          resizeWidth: Math.max(1, Math.round((size.width * KEPT) / longer)),
          resizeHeight: Math.max(1, Math.round((size.height * KEPT) / longer)),
          resizeQuality: 'high',
        }
      : {}
  return createImageBitmap(new Blob([bytes], { type: `image/${format}` }), options).catch(() => {
    throw new UserError(`cannot read ${name}: the picture is damaged or cut short; save or download it again`)
  })
}

/** Which square of a bitmap is taken: its middle as shares of width and height, and how much it is enlarged. */
export interface Crop {
  x: number
  y: number
  /** 1 shows the whole shorter side, under 1 leaves room around. */
  zoom: number
}

/** The crop that shows the middle. */
export const CENTRED: Readonly<Crop> = { x: 0.5, y: 0.5, zoom: 1 }

/** Draws the chosen square of a bitmap onto a canvas, on a colour. */
export function drawCrop(canvas: HTMLCanvasElement, bitmap: ImageBitmap, crop: Crop, background: string): void {
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const scale = (canvas.width / Math.min(bitmap.width, bitmap.height)) * crop.zoom
  const [w, h] = [bitmap.width * scale, bitmap.height * scale]
  context.imageSmoothingQuality = 'high'
  context.fillStyle = background
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, canvas.width / 2 - crop.x * w, canvas.height / 2 - crop.y * h, w, h)
}

/** The chosen square as the model takes it. */
export function cropped(bitmap: ImageBitmap, crop: Crop, background: string): Picture {
  const canvas = document.createElement('canvas')
  canvas.width = SIDE
  canvas.height = SIDE
  drawCrop(canvas, bitmap, crop, background)
  return pictureOf(canvas)
}

/** The pixels of a canvas without their opacity. */
export function pictureOf(canvas: HTMLCanvasElement): Picture {
  const { width, height } = canvas
  const rgba = canvas.getContext('2d', { willReadFrequently: true })!.getImageData(0, 0, width, height).data
  return { width, height, data: withoutAlpha(rgba) }
}
