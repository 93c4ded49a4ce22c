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
  }
}

/** What is to be known of a model. */
export function factsOf(model: Model): ModelFacts {
  const settings = parseSettings({})
  const { component, motion } = planGeneration(settings, model)
  const { autoencoder } = model
  const endFrame = model.controls(component).includes('end_frame')
  return {
    native: nativeGeometry(model.unetConfig(component), model.vaeConfig),
    defaults: { motion, noiseAug: settings.noiseAug, fps: settings.fps },
    abilities: {
      alpha: autoencoder.pixels === 'rgba',
      endFrame,
      loop: endFrame || !autoencoder.relative,
    },
  }
}
