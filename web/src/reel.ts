import { frameAt } from '../../src/media/frames.js'
import { unmixWhite } from '../../src/media/key-white.js'
import { imageDataOf } from '../../src/media/pixels.web.js'
import { shapedClip, type Shape } from '../../src/media/shape-clip.js'
import { Clip } from '../../src/web/index.js'
import { h } from './dom.js'
import type { Look } from './store.js'

const drawn = new WeakMap<Clip, readonly HTMLCanvasElement[]>()

/** The frames of a clip as canvases, clear where the clip is; drawn once. */
export function framesOf(clip: Clip): readonly HTMLCanvasElement[] {
  let canvases = drawn.get(clip)
  if (!canvases) {
    canvases = Array.from({ length: clip.frames.count }, (_, index) => frameCanvas(clip, index))
    drawn.set(clip, canvases)
  }
  return canvases
}

/** One frame of a clip on a canvas of its own, clear where the clip is. */
export function frameCanvas({ frames, alpha }: Clip, index: number): HTMLCanvasElement {
  const { width, height } = frames
  const canvas = h('canvas', { width, height })
  const opacity = alpha?.subarray(index * width * height, (index + 1) * width * height)
  const frame = { ...frameAt(frames, index), count: 1 }
  const colours = opacity ? unmixWhite(frame, opacity) : frame
  canvas.getContext('2d')!.putImageData(imageDataOf(colours, 0, opacity), 0, 0)
  return canvas
}

/** The places of frames in the order in which they are played. */
export function playedOrder(count: number, { back }: Pick<Look, 'back'>): number[] {
  const there = Array.from({ length: count }, (_, index) => index)
  // Neither end stands twice.
  return back ? [...there, ...there.slice(1, -1).reverse()] : there
}

/** Whether something of a clip is clear, so that a colour can lie behind it. */
export function isCutOut(clip: Clip): boolean {
  return clip.alpha?.includes(0) ?? false
}

/**
 * A clip as it is looked at: in its order and speed, in the shape of a purpose, and on its colour.
 */
export function finished(clip: Clip, look: Look, shape: Shape = {}): Clip {
  const { frames, alpha, metadata } = clip
  const order = playedOrder(frames.count, look)
  const shaped = shapedClip({ frames, alpha, fps: clip.fps * look.speed, metadata }, shape, order)
  if (!shaped.alpha || look.ground === 'clear') return new Clip(shaped)
  lay(shaped.frames.data, shaped.alpha, look.ground)
  return new Clip({ frames: shaped.frames, fps: shaped.fps, metadata })
}

/** Exchanges the white that frames lie on for a colour. */
function lay(data: Uint8Array, alpha: Uint8Array, ground: string): void {
  const colour = [1, 3, 5].map((at) => Number.parseInt(ground.slice(at, at + 2), 16))
  for (let pixel = 0, at = 0; pixel < alpha.length; pixel++)
    for (let channel = 0; channel < 3; channel++, at++) {
      data[at] = Math.max(0, data[at]! + ((255 - alpha[pixel]!) * (colour[channel]! - 255)) / 255 + 0.5)
    }
}
