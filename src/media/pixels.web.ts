import { frameAt, type Frames } from './frames.js'
import { withAlpha } from './rgba.js'

/** 8-bit RGB of RGBA: (..., 4) to (..., 3). */
export function withoutAlpha(rgba: Uint8ClampedArray | Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!
    rgb[to + 1] = rgba[from + 1]!
    rgb[to + 2] = rgba[from + 2]!
  }
  return rgb
}

/** One frame as `ImageData`. */
export function imageDataOf(frames: Frames, index: number, alpha?: Uint8Array): ImageData {
  const { width, height } = frames
  const opacity = alpha?.subarray(index * width * height, (index + 1) * width * height)
  return new ImageData(new Uint8ClampedArray(withAlpha(frameAt(frames, index), opacity).buffer), width, height)
}

/** One frame on a canvas of its own. */
export function canvasOf(clip: { frames: Frames; alpha?: Uint8Array | undefined }, index: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(clip.frames.width, clip.frames.height)
  canvas.getContext('2d')!.putImageData(imageDataOf(clip.frames, index, clip.alpha), 0, 0)
  return canvas
}
