import { z } from 'zod'
import type { Picture } from '../media/frames.js'
import { canvasOf } from './fit.js'
import type { Geometry } from './geometry.js'
import type { CheckedSettings } from './settings.js'

const LENGTH = 'give pixels of the picture, such as 40, or a share of it, such as 25%'

const length = z.union([z.number(LENGTH), z.string(LENGTH).regex(/^-?\d+(\.\d+)?%$/, LENGTH)], LENGTH)

/** A place in the picture, right and down from its upper left corner. */
const place = z.tuple([length, length], 'give a place as [x, y]')

/** A part of the picture that is dragged. */
export const motionSchema = z.strictObject({
  /** Where the part is. */
  from: place,
  /** Where it goes. */
  to: place,
  /** How far around `from` the picture goes along as a whole; shares are of the shorter side. */
  radius: length.default('10%'),
  /** How it goes: evenly, with a soft start and end, or softly there and back. A loop always comes back. */
  ease: z.enum(['even', 'soft', 'return'], 'give even, soft or return').default('soft'),
})

/** A part that is dragged, after the defaults. */
export type Motion = z.output<typeof motionSchema>

/** A drag in pixels of the clip. */
export interface Drag {
  readonly x: number
  readonly y: number
  /** How far it goes, right and down. */
  readonly dx: number
  readonly dy: number
  readonly radius: number
  readonly ease: Motion['ease']
}

/**
 * Motions of a picture as drags in the clip that is made of it.
 *
 * @param picture before it is fitted
 */
export function dragsOf(
  motions: readonly Motion[],
  picture: Picture,
  { width, height }: Geometry,
  { fit, loop }: Pick<CheckedSettings, 'fit' | 'loop'>,
): Drag[] {
  const canvas = fit === 'stretch' ? picture : canvasOf(picture, width, height, fit)
  const [across, down] = [width / canvas.width, height / canvas.height]
  const [left, top] = [(canvas.width - picture.width) / 2, (canvas.height - picture.height) / 2]
  return motions.map(({ from, to, radius, ease }) => {
    const at = ([x, y]: Motion['from']): [number, number] => [
      (pixels(x, picture.width) + left) * across,
      (pixels(y, picture.height) + top) * down,
    ]
    const [x, y] = at(from)
    const [toX, toY] = at(to)
    const shorter = Math.min(picture.width, picture.height)
    const reach = Math.max(1, pixels(radius, shorter) * Math.min(across, down))
    return { x, y, dx: toX - x, dy: toY - y, radius: reach, ease: loop ? 'return' : ease }
  })
}

function pixels(given: number | string, whole: number): number {
  return typeof given === 'number' ? given : (Number(given.slice(0, -1)) / 100) * whole
}

/** How much of its way a drag has gone at frame `index` of `frames`, 0 to 1. */
export function gone(ease: Drag['ease'], index: number, frames: number): number {
  const time = frames === 1 ? 0 : index / (frames - 1)
  if (ease === 'even') return time
  return ease === 'soft' ? time * time * (3 - 2 * time) : Math.sin(Math.PI * time) ** 2
}

/**
 * What a UNet is told of drags and of parts that stand still: the material at each cell within a drag's radius goes its way, that
 * of still cells nowhere.
 *
 * @param still (h, w), 0 to 1: how much of each cell stands still
 * @returns (f, 3, h, w): right and down in latent pixels, and whether that is known
 */
export function motionHints(
  drags: readonly Drag[],
  still: Float32Array | undefined,
  { frames, width, latentHeight, latentWidth }: Geometry,
): Float32Array {
  const plane = latentHeight * latentWidth
  const factor = width / latentWidth
  const hints = new Float32Array(frames * 3 * plane)
  for (let cell = 0; cell < plane; cell++) {
    const [column, row] = [cell % latentWidth, Math.floor(cell / latentWidth)]
    const isStill = still !== undefined && still[cell]! >= 0.5
    const away = ({ x, y }: Drag) => Math.hypot((column + 0.5) * factor - x, (row + 0.5) * factor - y)
    const holds = ({ x, y }: Drag) => Math.floor(x / factor) === column && Math.floor(y / factor) === row
    const [drag] = drags.filter((each) => away(each) <= each.radius || holds(each)).sort((a, b) => away(a) - away(b))
    if (!isStill && !drag) continue
    for (let frame = 0; frame < frames; frame++) {
      const share = isStill || !drag ? 0 : gone(drag.ease, frame, frames) / factor
      const at = frame * 3 * plane + cell
      hints[at] = share * (drag?.dx ?? 0)
      hints[at + plane] = share * (drag?.dy ?? 0)
      hints[at + 2 * plane] = 1
    }
  }
  return hints
}
