import type { AnimateOptions } from '../../src/web/index.js'
import { pictureOf, type Size } from './picture.js'

/** A place in the frame: shares of its width and height, from the upper left corner. */
export type Place = readonly [x: number, y: number]

/** A part of the picture that is pulled. */
export interface Pin {
  readonly from: Place
  readonly to: Place
  /** How far around `from` the picture goes along as a whole: a share of the frame's shorter side. */
  readonly radius: number
  /** Whether it comes back to where it was. */
  readonly back: boolean
}

/** A line of the brush, which says of what lies under it that it stays or that it moves. */
export interface Stroke {
  readonly kind: 'stays' | 'moves'
  /** A share of the frame's shorter side. */
  readonly width: number
  readonly points: readonly Place[]
}

/** What a clip is steered by. */
export interface Steering {
  readonly pins: readonly Pin[]
  readonly strokes: readonly Stroke[]
}

/** The most pins that a clip takes. */
export const MOST_PINS = 16
/** The longer side in pixels of the mask that models are given: they scale it to their own size. */
const MASK_SIDE = 256

/** What the model is told of pins and strokes, for pictures of a frame's shape. */
export function steeringOptions({ pins, strokes }: Steering, frame: Size): Pick<AnimateOptions, 'motions' | 'still'> {
  const percent = ([x, y]: Place): [string, string] => [percentOf(x), percentOf(y)]
  const motions = pins.map(({ from, to, radius, back }) => ({
    from: percent(from),
    to: percent(to),
    radius: percentOf(radius),
    ease: back ? ('return' as const) : ('soft' as const),
  }))
  return {
    ...(motions.length > 0 && { motions }),
    ...(strokes.length > 0 && { still: pictureOf(maskCanvas(strokes, frame)) }),
  }
}

/** A canvas of a frame's shape on which what stays is white, and all else is clear. */
function maskCanvas(strokes: readonly Stroke[], frame: Size): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  fitMask(canvas, frame)
  drawStill(canvas, strokes, '#ffffff')
  return canvas
}

/** Gives a canvas a frame's shape. */
export function fitMask(canvas: HTMLCanvasElement, { width, height }: Size): void {
  const scale = MASK_SIDE / Math.max(width, height)
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) })
}

/**
 * Draws what stays. Later lines lie over earlier ones. Where the first line says what moves, all else stays: who marks a tail
 * wants the cat to stand.
 */
export function drawStill(canvas: HTMLCanvasElement, strokes: readonly Stroke[], colour: string): void {
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const { width, height } = canvas
  context.globalCompositeOperation = 'source-over'
  context.clearRect(0, 0, width, height)
  Object.assign(context, { fillStyle: colour, strokeStyle: colour, lineCap: 'round', lineJoin: 'round' })
  if (strokes[0]?.kind === 'moves') context.fillRect(0, 0, width, height)
  for (const { kind, width: share, points } of strokes) {
    context.globalCompositeOperation = kind === 'stays' ? 'source-over' : 'destination-out'
    context.lineWidth = share * Math.min(width, height)
    context.beginPath()
    for (const [index, [x, y]] of points.entries()) {
      if (index === 0) context.moveTo(x * width, y * height)
      context.lineTo(x * width, y * height)
    }
    context.stroke()
  }
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(2)}%`
}
