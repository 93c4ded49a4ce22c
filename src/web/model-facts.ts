import type { Model } from '../svd/model.js'
import { nativeGeometry } from '../pipeline/geometry.js'
import { planGeneration } from '../pipeline/plan.js'
import { parseSettings } from '../pipeline/settings.js'

/** What a page must know of a model to offer what it can do, and no more. */
export interface ModelFacts {
  /** The frames and the size in pixels that it was trained for: what `animate` makes unless told. */
  readonly native: { readonly frames: number; readonly height: number; readonly width: number }
  /** The settings that hold where nothing is told. */
  readonly defaults: { readonly motion: number; readonly noiseAug: number; readonly fps: number }
  readonly abilities: {
    /** Clips keep the transparency of their picture. */
    readonly alpha: boolean
    /** `end` of `animate` is taken. */
    readonly endFrame: boolean
    /** `loop` is taken. */
    readonly loop: boolean
    /** `motions`, `still` and `moving` cost no further forwards: the model is told of them. */
    readonly hints: boolean
  }
  /** The least share of a picture's edge that is clear or white in what it knows; undefined where it knows all kinds. */
  readonly freeEdge: number | undefined
  /** Numbers of steps that are worth a comparison, the fewest first. */
  readonly steps: readonly number[]
}

/** Steps up to what SVD's own schedule takes, and up to what a consistency model gains from. */
const [STEPS, CONSISTENCY_STEPS] = [
  [1, 4, 8, 16, 25],
  [1, 2, 4, 8],
] as const

/** What is to be known of a model. */
export function factsOf(model: Model): ModelFacts {
  const settings = parseSettings({})
  const { component, motion } = planGeneration(settings, model)
  const { autoencoder } = model
  const controls = model.controls(component)
  const endFrame = controls.includes('end_frame')
  return {
    native: nativeGeometry(model.unetConfig(component), model.vaeConfig),
    defaults: { motion, noiseAug: settings.noiseAug, fps: settings.fps },
    abilities: {
      alpha: autoencoder.pixels === 'rgba',
      endFrame,
      loop: endFrame || !autoencoder.relative,
      hints: controls.includes('motion_hints'),
    },
    freeEdge: model.defaults.freeEdge,
    steps: model.scheduler.consistency ? CONSISTENCY_STEPS : STEPS,
  }
}
