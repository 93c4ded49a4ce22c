import { parseSchedulerConfig, type SchedulerConfig } from '../diffusion/index.js'
import { UserError } from '../errors.js'
import { input } from '../graph/ops/index.js'
import { parseAutoencoder, type Autoencoder, type AutoencoderConfig } from '../models/autoencoder.js'
import { clipVision, parseClipVisionConfig, type ClipVisionConfig } from '../models/clip/index.js'
import { controlsOf, type ControlKind } from '../models/controls.js'
import { parseUNetConfig, unet, type UNetConfig } from '../models/unet/index.js'
import type { Engine } from '../runtime/program.js'
import type { ModelDefaults } from '../weights/pipeline-index.js'
import { configOf, type ComponentWeights, type ModelSource } from './model-source.js'
import type { Precision } from './device-traits.js'
import { Network, type Trace } from './network.js'
import { parsePreprocessorConfig, type ClipPreprocessing } from './preprocess.js'

/** The class of SVD's own UNet, of SF-V's student, and of whatever else was distilled from it. */
export const UNET_CLASS = 'UNetSpatioTemporalConditionModel'

/** Sizes of the UNet's inputs. */
export interface UNetShape {
  readonly batch: number
  readonly frames: number
  /** Latent pixels. */
  readonly height: number
  readonly width: number
}

/** A Stable Video Diffusion: its configurations, and its networks for the shapes that are asked for. */
export class Model {
  readonly imageEncoderConfig: ClipVisionConfig
  /** The first stage, of whatever class. */
  readonly autoencoder: Autoencoder
  readonly scheduler: SchedulerConfig
  readonly preprocessing: ClipPreprocessing
  readonly #unetConfigs: ReadonlyMap<string, UNetConfig>
  readonly #weights = new Map<string, Promise<ComponentWeights>>()

  /**
   * @param precision what the networks are computed in; the VAE in float32 where its configuration says `force_upcast`
   * @throws UserError when a configuration is not one that is supported, or two do not fit each other.
   */
  constructor(
    private readonly source: ModelSource,
    private readonly engine: Engine,
    private readonly precision: Precision = 'float32',
  ) {
    this.imageEncoderConfig = parseClipVisionConfig(...configOf(source, 'image_encoder'))
    this.autoencoder = parseAutoencoder(...configOf(source, 'vae'))
    this.scheduler = parseSchedulerConfig(...configOf(source, 'scheduler', 'scheduler_config.json'))
    this.preprocessing = parsePreprocessorConfig(...configOf(source, 'feature_extractor', 'preprocessor_config.json'))
    const unets = [...source.components].filter(([, { className }]) => className === UNET_CLASS)
    this.#unetConfigs = new Map(unets.map(([name]) => [name, parseUNetConfig(...configOf(source, name))]))
    this.#checkFit()
  }

  /** The folder or address it came from. */
  get path(): string {
    return this.source.path
  }

  /** What it is best asked for where nothing is told. */
  get defaults(): ModelDefaults {
    return this.source.defaults ?? {}
  }

  /** The first stage's configuration. */
  get vaeConfig(): AutoencoderConfig {
    return this.autoencoder.config
  }

  /** What a UNet may be told besides the picture. */
  controls(component: string): readonly ControlKind[] {
    return this.#controlsOf(component, this.unetConfig(component))
  }

  /** Whether the model has a UNet that was trained for a single forward. */
  get hasStudent(): boolean {
    return this.#unetConfigs.has('student')
  }

  /** The configuration of a UNet; throws a UserError when the model has none of that name. */
  unetConfig(component: string): UNetConfig {
    const config = this.#unetConfigs.get(component)
    if (config) return config
    const names = [...this.#unetConfigs.keys()].join(', ')
    throw new UserError(`${this.path} has no UNet ${component}; those it has are ${names}`)
  }

  /** `pixels` (1, 3, height, width) of `preprocessing.size` -> `embedding` (1, projection). */
  imageEncoder(lean = false): Network {
    const config = this.imageEncoderConfig
    const { height, width } = this.preprocessing.size
    return this.#network('image_encoder', lean, (weights) => ({
      embedding: clipVision(weights, config, input('pixels', [1, config.channels, height, width])).imageEmbeds,
    }))
  }

  /**
   * `picture` (1, channels, height, width), and where latents are relative `first` of the same shape -> `latents` (1,
   * c, h, w): the mean, unscaled.
   */
  vaeEncoder(height: number, width: number, lean = false): Network {
    const { autoencoder } = this
    const { channels, config } = autoencoder
    return this.#network('vae', lean, (weights) => {
      // The checkpoint holds both halves: the other one is traced, at its smallest, for the names of its weights.
      const smallest = input('first', [1, channels, config.factor, config.factor])
      autoencoder.decode(weights, input('latents', [1, config.latentChannels, 1, 1]), 1, smallest)
      const [picture, first] = ['picture', 'first'].map((name) => input(name, [1, channels, height, width]))
      return { latents: autoencoder.encode(weights, picture!, first!) }
    })
  }

  /**
   * `latents` (frames, c, height, width), divided by the scaling factor, and where they are relative `first` (1,
   * channels, H, W) -> `frames` (frames, channels, H, W), not clamped.
   */
  vaeDecoder(frames: number, height: number, width: number, lean = false): Network {
    const { autoencoder } = this
    const { channels, config } = autoencoder
    return this.#network('vae', lean, (weights) => {
      const smallest = input('picture', [1, channels, config.factor, config.factor])
      autoencoder.encode(weights, smallest, smallest)
      const latents = input('latents', [frames, config.latentChannels, height, width])
      const first = input('first', [1, channels, height * config.factor, width * config.factor])
      return { frames: autoencoder.decode(weights, latents, frames, first) }
    })
  }

  /**
   * `sample` (b, f, 2c + controls, h, w), `timestep` (b), `context` (b, 1, projection), `addedTimeIds` (b, 3) ->
   * `output` (b, f, c, h, w).
   */
  unet(component: string, { batch, frames, height, width }: UNetShape, lean = false): Network {
    const config = this.unetConfig(component)
    return this.#network(component, lean, (weights) => ({
      output: unet(weights, config, {
        sample: input('sample', [batch, frames, config.inChannels, height, width]),
        timestep: input('timestep', [batch]),
        context: input('context', [batch, 1, this.imageEncoderConfig.projection]),
        addedTimeIds: input('addedTimeIds', [batch, 3]),
      }),
    }))
  }

  /** A UNet for the smallest inputs it takes: for what does not depend on them, such as its weights' shapes. */
  smallestUnet(component: string): Network {
    const side = 2 ** (this.unetConfig(component).down.length - 1)
    return this.unet(component, { batch: 1, frames: 1, height: side, width: side })
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

  #network(component: string, lean: boolean, trace: Trace): Network {
    const weightsOf = () => this.#weightsOf(component)
    const { className } = this.source.components.get(component)!
    const precision = component === 'vae' && this.vaeConfig.forceUpcast ? 'float32' : this.precision
    return new Network(this.engine, className, weightsOf, trace, lean, precision)
  }

  #checkFit(): void {
    const { latentChannels } = this.vaeConfig
    for (const [name, config] of this.#unetConfigs) {
      const refuse = (field: string, problem: string) =>
        new UserError(`${this.path}/${name}/config.json: field ${field} ${problem}; use components of one model`)
      if (config.outChannels !== latentChannels) throw refuse('out_channels', `is not the VAE's ${latentChannels}`)
      this.#controlsOf(name, config)
      const { projection } = this.imageEncoderConfig
      if ([...config.down, config.mid].some(({ contextWidth }) => contextWidth !== projection))
        throw refuse('cross_attention_dim', `is not the image encoder's projection_dim ${projection}`)
    }
  }

  #controlsOf(component: string, { inChannels }: UNetConfig): readonly ControlKind[] {
    const field = `${this.path}/${component}/config.json: field in_channels`
    return controlsOf(inChannels, this.vaeConfig.latentChannels, field)
  }
}
