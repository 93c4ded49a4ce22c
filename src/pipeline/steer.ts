import type { Picture } from '../media/frames.js'
import { resizePicture } from '../media/lanczos.js'
import type { Model } from '../svd/model.js'
import { dragsOf, motionHints, type Drag } from './motions.js'
import type { Plan } from './plan.js'
import { roughClip, Warp } from './rough-clip.js'
import { stillCells, stillPixels, type Masks } from './still.js'
import type { CheckedSettings } from './settings.js'

/** What a clip is steered by. */
export interface Steering {
  /** (height, width), 0 to 1: how much of each pixel stands still. */
  readonly still: Float32Array | undefined
  /** (f, 3, h, w): what the UNet is told, where it takes hints. */
  readonly hints: Float32Array | undefined
  /** A clip to follow, where the UNet takes no hints. */
  readonly rough: readonly Picture[]
  /** (f, h, w): after how many steps each cell of it is let go. */
  readonly until: Int32Array
}

/**
 * What drags and masks of a picture come to: hints for a UNet that takes them; for any other a rough clip, and how long each of
 * its cells is followed: what is dragged until the second of Time-to-Move's clocks, what stands still to the end.
 *
 * @param picture before it is fitted
 * @param first the same, fitted
 */
export function steeringOf(
  plan: Plan,
  model: Model,
  settings: CheckedSettings,
  picture: Picture,
  first: Picture,
  masks: Masks,
): Steering {
  const { geometry, component, letGo, schedule } = plan
  const { frames, width, height, latentHeight, latentWidth } = geometry
  const drags = dragsOf(settings.motions, picture, geometry, settings)
  const still = stillPixels(masks, picture, geometry, settings.fit)
  const cells = still && stillCells(still, geometry)
  const none = new Int32Array(0)
  if (drags.length === 0 && !still) return { still, hints: undefined, rough: [], until: none }
  if (model.controls(component).includes('motion_hints'))
    return { still, hints: motionHints(drags, cells, geometry), rough: [], until: none }
  const warp = new Warp(drags, frames)
  const factor = width / latentWidth
  const plane = latentHeight * latentWidth
  const until = Int32Array.from({ length: frames * plane }, (_, i) => {
    const [frame, cell] = [Math.floor(i / plane), i % plane]
    if (cells && cells[cell]! >= 0.5) return schedule.timesteps.length
    const [x, y] = warp.source(
      ((cell % latentWidth) + 0.5) * factor,
      (Math.floor(cell / latentWidth) + 0.5) * factor,
      frame,
    )
    return warp.share(x, y) >= 0.5 ? letGo : 0
  })
  return { still, hints: undefined, rough: roughOf(first, drags, frames, width, height), until }
}

function roughOf(first: Picture, drags: readonly Drag[], frames: number, width: number, height: number): Picture[] {
  return roughClip(drags.length === 0 ? first : resizePicture(first, width, height), drags, frames)
}
