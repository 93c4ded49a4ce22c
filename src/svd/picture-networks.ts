import { input } from '../graph/ops/index.js'
import { parseAutoencoder, type Autoencoder, type AutoencoderConfig } from '../models/autoencoder.js'
import { clipVision, parseClipVisionConfig, type ClipVisionConfig } from '../models/clip/index.js'
import type { Engine } from '../runtime/program.js'
import type { Precision } from './device-traits.js'
import { configOf, type ComponentWeights, type ModelSource } from './model-source.js'
import { Network, type Trace } from './network.js'
import { parsePreprocessorConfig, type ClipPreprocessing } from './preprocess.js'

/**
 * The networks of a model that see pictures: its image encoder and its first stage. They are also what a UNet is trained with.
 * Each is made for the shapes that are asked for.
 */
export class PictureNetworks {
  readonly imageEncoderConfig: ClipVisionConfig
  /** The first stage, of whatever class. */
  readonly autoencoder: Autoencoder
  readonly preprocessing: ClipPreprocessing
  readonly #weights = new Map<string, Promise<ComponentWeights>>()

  /**
   * @param precision what the networks are computed in; the VAE in float32 where its configuration says `force_upcast`
   * @throws UserError when a configuration is not one that is supported.
   */
  constructor(
    protected readonly source: ModelSource,
    private readonly engine: Engine,
    private readonly precision: Precision = 'float32',
  ) {
    this.imageEncoderConfig = parseClipVisionConfig(...configOf(source, 'image_encoder'))
    this.autoencoder = parseAutoencoder(...configOf(source, 'vae'))
    this.preprocessing = parsePreprocessorConfig(...configOf(source, 'feature_extractor', 'preprocessor_config.json'))
  }

  /** The folder or address they came from. */
  get path(): string {
    return this.source.path
  }

  /** The first stage's configuration. */
  get vaeConfig(): AutoencoderConfig {
    return this.autoencoder.config
  }

  /** `pixels` (1, 3, height, width) of `preprocessing.size` -> `embedding` (1, projection). */
  imageEncoder(lean = false): Network {
    const config = this.imageEncoderConfig
    const { height, width } = this.preprocessing.size
    return this.network('image_encoder', lean, (weights) => ({
      embedding: clipVision(weights, config, input('pixels', [1, config.channels, height, width])).imageEmbeds,
    }))
  }

  /**
   * `picture` (count, channels, height, width), and where latents are relative `first`, one of the same size -> `latents`
   * (count, c, h, w): the mean, unscaled.
   */
  vaeEncoder(height: number, width: number, lean = false, count = 1): Network {
    const { autoencoder } = this
    const { channels, config } = autoencoder
    return this.network('vae', lean, (weights) => {
      // The checkpoint holds both halves: the other one is traced, at its smallest, for the names of its weights.
      const smallest = input('first', [1, channels, config.factor, config.factor])
      autoencoder.decode(weights, input('latents', [1, config.latentChannels, 1, 1]), 1, smallest)
      const picture = input('picture', [count, channels, height, width])
      return { latents: autoencoder.encode(weights, picture, input('first', [1, channels, height, width])) }
    })
  }

  /**
   * `latents` (frames, c, height, width), divided by the scaling factor, and where they are relative `first` (1,
   * channels, H, W) -> `frames` (frames, channels, H, W), not clamped.
   */
  vaeDecoder(frames: number, height: number, width: number, lean = false): Network {
    const { autoencoder } = this
    const { channels, config } = autoencoder
    return this.network('vae', lean, (weights) => {
      const smallest = input('picture', [1, channels, config.factor, config.factor])
      autoencoder.encode(weights, smallest, smallest)
      const latents = input('latents', [frames, config.latentChannels, height, width])
      const first = input('first', [1, channels, height * config.factor, width * config.factor])
      return { frames: autoencoder.decode(weights, latents, frames, first) }
    })
  }

  /** Bytes of a component's weights as they are stored, and their number. Throws a UserError when there are none. */
  async weightSizes(component: string): Promise<{ bytes: number; parameters: number }> {
    const { tensors } = await this.#weightsOf(component)
    let bytes = 0
    let parameters = 0
    for (const { byteLength, dtype } of tensors.values()) {
      bytes += byteLength
      parameters += byteLength / (dtype === 'F32' ? 4 : 2)
    }
    return { bytes, parameters }
  }

  #weightsOf(component: string): Promise<ComponentWeights> {
    const opened = this.#weights.get(component) ?? this.source.weights(component)
    this.#weights.set(component, opened)
    return opened
  }

  protected network(component: string, lean: boolean, trace: Trace): Network {
    const weightsOf = () => this.#weightsOf(component)
    const { className } = this.source.components.get(component)!
    const precision = component === 'vae' && this.vaeConfig.forceUpcast ? 'float32' : this.precision
    return new Network(this.engine, className, weightsOf, trace, lean, precision)
  }
}
