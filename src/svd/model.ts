import { parseSchedulerConfig, type SchedulerConfig } from '../diffusion/index.js'
import { UserError } from '../errors.js'
import { input } from '../graph/ops/index.js'
import { controlsOf, type ControlKind } from '../models/controls.js'
import { parseUNetConfig, unet, type UNetConfig } from '../models/unet/index.js'
import type { Engine } from '../runtime/program.js'
import type { ModelDefaults } from '../weights/pipeline-index.js'
import type { Precision } from './device-traits.js'
import { configOf, type ModelSource } from './model-source.js'
import type { Network } from './network.js'
import { PictureNetworks } from './picture-networks.js'

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
export class Model extends PictureNetworks {
  readonly scheduler: SchedulerConfig
  readonly #unetConfigs: ReadonlyMap<string, UNetConfig>

  /** @throws UserError when a configuration is not one that is supported, or two do not fit each other. */
  constructor(source: ModelSource, engine: Engine, precision?: Precision) {
    super(source, engine, precision)
    this.scheduler = parseSchedulerConfig(...configOf(source, 'scheduler', 'scheduler_config.json'))
    const unets = [...source.components].filter(([, { className }]) => className === UNET_CLASS)
    this.#unetConfigs = new Map(unets.map(([name]) => [name, parseUNetConfig(...configOf(source, name))]))
    this.#checkFit()
  }

  /** What it is best asked for where nothing is told. */
  get defaults(): ModelDefaults {
    return this.source.defaults ?? {}
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

  /**
   * `sample` (b, f, 2c + controls, h, w), `timestep` (b), `context` (b, 1, projection), `addedTimeIds` (b, 3) ->
   * `output` (b, f, c, h, w).
   */
  unet(component: string, { batch, frames, height, width }: UNetShape, lean = false): Network {
    const config = this.unetConfig(component)
    return this.network(component, lean, (weights) => ({
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
