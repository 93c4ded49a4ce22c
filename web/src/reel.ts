import { frameAt } from '../../src/media/frames.js'
import { unmixWhite } from '../../src/media/key-white.js'
import { imageDataOf } from '../../src/media/pixels.web.js'
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

/** How long a clip is to be, in seconds, and whether it must be square. */
export interface Shape {
  readonly least?: number | undefined
  readonly most?: number | undefined
  readonly square?: boolean | undefined
}

/**
 * A clip as it is looked at: in its order and speed, whole rounds of it until it is long enough, faster where it would be too
 * long, and on its colour.
 */
export function finished(clip: Clip, look: Look, { least = 0, most = Infinity, square }: Shape = {}): Clip {
  const { width, height, count } = clip.frames
  const order = playedOrder(count, look)
  const fps = Math.max(clip.fps * look.speed, order.length / most)
  const [fewest, room] = [
    Math.ceil((least * fps) / order.length - 1e-9),
    Math.floor((most * fps) / order.length + 1e-9),
  ]
  const rounds = Math.max(1, fewest, Math.min(look.rounds, room))
  const played = Array.from({ length: rounds }, () => order).flat()
  const side = Math.max(width, height)
  const [w, h] = square ? [side, side] : [width, height]
  const [left, top] = [Math.floor((w - width) / 2), Math.floor((h - height) / 2)]
  const data = new Uint8Array(played.length * w * h * 3).fill(255)
  const isPadded = w !== width || h !== height
  const alpha = clip.alpha || isPadded ? new Uint8Array(played.length * w * h) : undefined
  for (const [place, index] of played.entries()) {
    for (let y = 0; y < height; y++) {
      const [from, to] = [(index * height + y) * width, (place * h + y + top) * w + left]
      data.set(clip.frames.data.subarray(3 * from, 3 * (from + width)), 3 * to)
      if (clip.alpha) alpha!.set(clip.alpha.subarray(from, from + width), to)
      else alpha?.fill(255, to, to + width)
    }
  }
  const frames = { width: w, height: h, count: played.length, data }
  const { metadata } = clip
  if (!alpha || look.ground === 'clear') return new Clip({ frames, alpha, fps, metadata })
  lay(data, alpha, look.ground)
  return new Clip({ frames, fps, metadata })
}

/** Exchanges the white that frames lie on for a colour. */
function lay(data: Uint8Array, alpha: Uint8Array, ground: string): void {
  const colour = [1, 3, 5].map((at) => Number.parseInt(ground.slice(at, at + 2), 16))
  for (let pixel = 0, at = 0; pixel < alpha.length; pixel++)
    for (let channel = 0; channel < 3; channel++, at++) {
      data[at] = Math.max(0, data[at]! + ((255 - alpha[pixel]!) * (colour[channel]! - 255)) / 255 + 0.5)
    }
}
