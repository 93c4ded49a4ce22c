import { frameAt, type Frames } from '../media/frames.js'
import { encodePlanes, planesOf } from '../pipeline/condition.js'
import { decodeLatents, chunkSizes } from '../pipeline/decode.js'
import { defaultChunk, nativeGeometry } from '../pipeline/geometry.js'
import { Model } from '../pipeline/model.js'
import type { ModelSource } from '../pipeline/model-source.js'
import type { Network } from '../pipeline/network.js'
import { toFrames, toFramesWithAlpha } from '../pipeline/preprocess.js'
import type { Engine } from '../runtime/program.js'

/** A model's first stage on its own: what it makes of real clips bounds what its UNets can reach. */
export class Reconstructor {
  readonly #model: Model
  #encoder: Network | undefined
  readonly #decoders = new Map<number, Network>()

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
    const { factor, latentChannels, scalingFactor } = this.#model.vaeConfig
    const [latentHeight, latentWidth] = [height / factor, width / factor]
    const encoder = await (this.#encoder ??= this.#model.vaeEncoder(height, width)).open()
    const { autoencoder } = this.#model
    const first = planesOf(frameAt(clip, 0), { width, height }, autoencoder)
    const relative = autoencoder.relative ? { first } : undefined
    const latents = new Float32Array(count * latentChannels * latentHeight * latentWidth)
    for (let i = 0; i < count; i++) {
      const planes = planesOf(frameAt(clip, i), { width, height }, autoencoder)
      latents.set(
        (await encodePlanes(planes, encoder, first)).map((value) => value * scalingFactor),
        (i * latents.length) / count,
      )
    }
    const chunks = chunkSizes(count, defaultChunk({ frames: count, width, height, latentHeight, latentWidth }))
    const decoded = await decodeLatents(latents, scalingFactor, chunks, async (frames, part) => {
      const known = this.#decoders.get(frames) ?? this.#model.vaeDecoder(frames, latentHeight, latentWidth)
      this.#decoders.set(frames, known)
      return (await (await known.open()).run({ latents: part, ...relative })).frames!
    })
    return autoencoder.pixels === 'rgb'
      ? toFrames(decoded, { width, height })
      : toFramesWithAlpha(decoded, { width, height }, true).frames
  }

  /** Frees the networks. */
  async dispose(): Promise<void> {
    const networks = [...(this.#encoder ? [this.#encoder] : []), ...this.#decoders.values()]
    await Promise.all(networks.map((network) => network.close()))
  }
}
