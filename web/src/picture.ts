import { openImage } from '../../src/media/image.web.js'
import { onWhite } from '../../src/media/clip-frame.js'
import type { Picture } from '../../src/web/index.js'

/** The longer side that an opened picture is kept at. */
const KEPT = 1024
/** How many times as large as its clips the model is given pictures: its own resizing does the rest. */
const OVERSIZE = 2

/** Width and height in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** Opens a picture file upright, not larger than needed, transparency kept. */
export async function openBitmap(file: Blob): Promise<ImageBitmap> {
  const bitmap = await openImage(file)
  const scale = KEPT / Math.max(bitmap.width, bitmap.height)
  if (scale >= 1) return bitmap
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: 'high',
  })
  bitmap.close()
  return small
}

/** Whether a file has more than one picture in it. Where the browser cannot tell, it has not. */
export async function isAnimated(file: Blob): Promise<boolean> {
  if (!('ImageDecoder' in globalThis) || !/gif|webp|png|avif/.test(file.type)) return false
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type })
  try {
    await decoder.tracks.ready
    return (decoder.tracks.selectedTrack?.frameCount ?? 1) > 1
  } catch {
    return false
  } finally {
    decoder.close()
  }
}

/** Which part of a bitmap is taken: its middle as shares of width and height, and how much it is enlarged. */
export interface Crop {
  readonly x: number
  readonly y: number
  /** 1 fills the frame, less leaves room around. */
  readonly zoom: number
}

/** The crop that shows the middle. */
export const CENTRED: Crop = { x: 0.5, y: 0.5, zoom: 1 }

/** Pixels of a frame for one of a bitmap, where the bitmap fills the frame at a zoom of 1. */
export function cropScale(frame: Size, bitmap: Size, zoom: number): number {
  return Math.max(frame.width / bitmap.width, frame.height / bitmap.height) * zoom
}

/** Draws the chosen part of a bitmap onto a canvas, which is cleared before. */
export function drawCrop(canvas: HTMLCanvasElement, bitmap: ImageBitmap | HTMLCanvasElement, crop: Crop): void {
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const scale = cropScale(canvas, bitmap, crop.zoom)
  const [w, h] = [bitmap.width * scale, bitmap.height * scale]
  context.imageSmoothingQuality = 'high'
  context.clearRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, canvas.width / 2 - crop.x * w, canvas.height / 2 - crop.y * h, w, h)
}

/** The chosen part as the model takes it, for clips of a size. */
export function cropped(bitmap: ImageBitmap, crop: Crop, { width, height }: Size): Picture {
  const canvas = document.createElement('canvas')
  canvas.width = width * OVERSIZE
  canvas.height = height * OVERSIZE
  drawCrop(canvas, bitmap, crop)
  return pictureOf(canvas)
}

/** A whole bitmap as pixels. */
export function pixelsOf(bitmap: ImageBitmap): Picture {
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height })
  drawCrop(canvas, bitmap, CENTRED)
  return pictureOf(canvas)
}

/** The pixels of a canvas on white, with their opacity where it is not whole. */
export function pictureOf(canvas: HTMLCanvasElement): Picture {
  const { width, height } = canvas
  const rgba = canvas.getContext('2d', { willReadFrequently: true })!.getImageData(0, 0, width, height).data
  return onWhite(rgba, width, height)
}
