import { frameAt, type Frames } from '../media/frames.js'
import { defaultChunk, nativeGeometry } from '../pipeline/geometry.js'
import type { Engine } from '../runtime/program.js'
import { FirstStage } from '../svd/first-stage.js'
import { Model } from '../svd/model.js'
import type { ModelSource } from '../svd/model-source.js'

/** A model's first stage on its own: what it makes of real clips bounds what its UNets can reach. */
export class Reconstructor {
  readonly #model: Model
  #stage: FirstStage | undefined

  constructor(source: ModelSource, engine: Engine) {
    this.#model = new Model(source, engine)
  }

  /** The frames and the size in pixels that the model was trained for. */
  get native(): { readonly frames: number; readonly height: number; readonly width: number } {
    return nativeGeometry(this.#model.unetConfig('unet'), this.#model.vaeConfig)
  }

  /** The clip encoded frame by frame (the posterior's mean) and decoded again, as generated latents are. */
  async reconstruct(clip: Frames): Promise<Frames> {
    const { width, height, count } = clip
    const stage = (this.#stage ??= new FirstStage(this.#model, { width, height }))
    const { scalingFactor } = this.#model.vaeConfig
    const planes = stage.planes(Array.from({ length: count }, (_, i) => frameAt(clip, i)))
    const first = planes.subarray(0, planes.length / count)
    const latents = (await stage.encode(planes, first)).map((value) => value * scalingFactor)
    const chunk = defaultChunk({ frames: count, width, height })
    return stage.decode(latents, first, { chunk, opaque: true })
  }

  /** Frees the networks. */
  async dispose(): Promise<void> {
    await this.#stage?.close()
  }
}
