import type { JsonObject } from '../weights/json.js'
import { clipImageProcessor, SVD_SCHEDULER } from '../weights/pipeline-defaults.js'

/** The sizes that make one model of the Stable Video Diffusion family differ from another. */
interface Sizes {
  readonly frames: number
  readonly unet: { readonly channels: readonly number[]; readonly heads: readonly number[] }
  /** Pixels of the long side that the UNet's `sample_size` stands for. */
  readonly side: number
  readonly vaeChannels: readonly number[]
  readonly clip: {
    readonly width: number
    readonly layers: number
    readonly heads: number
    readonly projection: number
  }
}

const SVD: Sizes = {
  frames: 14,
  unet: { channels: [320, 640, 1280, 1280], heads: [5, 10, 20, 20] },
  side: 768,
  vaeChannels: [128, 256, 512, 512],
  clip: { width: 1280, layers: 32, heads: 16, projection: 1024 },
}

const PRESETS: Readonly<Record<string, Sizes>> = {
  svd: SVD,
  'svd-xt': { ...SVD, frames: 25 },
  // Half of every width: a quarter of the parameters and of the arithmetic.
  'svd-quarter': {
    ...SVD,
    unet: { channels: [160, 320, 640, 640], heads: [5, 10, 20, 20] },
    vaeChannels: [64, 128, 256, 256],
    clip: { width: 640, layers: 16, heads: 10, projection: 512 },
  },
  tiny: {
    frames: 4,
    unet: { channels: [32, 32, 64, 64], heads: [1, 1, 2, 2] },
    side: 64,
    vaeChannels: [32, 32, 32, 32],
    clip: { width: 32, layers: 2, heads: 2, projection: 32 },
  },
}

/** Names of the models whose configurations are known by heart. */
export const PRESET_NAMES: readonly string[] = Object.keys(PRESETS)

/** A component of a pipeline as model_index.json and its configuration file describe it. */
export interface PresetComponent {
  readonly library: string
  readonly className: string
  readonly config: JsonObject
}

const CROSS = 'CrossAttnDownBlockSpatioTemporal'

/**
 * The components of a model of the family, with the published hyper-parameters: `svd` is stable-video-diffusion-img2vid
 * (1,524,623,082 parameters in the UNet), `svd-xt` the same for 25 frames, `svd-quarter` half as wide, `tiny` for
 * tests.
 *
 * @returns undefined where no preset has that name.
 */
export function presetComponents(name: string): ReadonlyMap<string, PresetComponent> | undefined {
  const sizes = Object.hasOwn(PRESETS, name) ? PRESETS[name]! : undefined
  if (!sizes) return undefined
  const { frames, unet, side, vaeChannels, clip } = sizes
  return new Map([
    [
      'feature_extractor',
      { library: 'transformers', className: 'CLIPImageProcessor', config: clipImageProcessor(224) },
    ],
    [
      'image_encoder',
      {
        library: 'transformers',
        className: 'CLIPVisionModelWithProjection',
        config: {
          architectures: ['CLIPVisionModelWithProjection'],
          hidden_size: clip.width,
          intermediate_size: 4 * clip.width,
          projection_dim: clip.projection,
          num_hidden_layers: clip.layers,
          num_attention_heads: clip.heads,
          num_channels: 3,
          patch_size: 14,
          image_size: 224,
          layer_norm_eps: 1e-5,
          hidden_act: 'gelu',
          model_type: 'clip_vision_model',
        },
      },
    ],
    ['scheduler', { library: 'diffusers', className: 'EulerDiscreteScheduler', config: SVD_SCHEDULER }],
    [
      'unet',
      {
        library: 'diffusers',
        className: 'UNetSpatioTemporalConditionModel',
        config: {
          addition_time_embed_dim: 256,
          block_out_channels: unet.channels,
          cross_attention_dim: clip.projection,
          down_block_types: [CROSS, CROSS, CROSS, 'DownBlockSpatioTemporal'],
          in_channels: 8,
          layers_per_block: 2,
          num_attention_heads: unet.heads,
          num_frames: frames,
          out_channels: 4,
          projection_class_embeddings_input_dim: 768,
          sample_size: side / 8,
          transformer_layers_per_block: 1,
          up_block_types: ['UpBlockSpatioTemporal', ...Array<string>(3).fill('CrossAttnUpBlockSpatioTemporal')],
        },
      },
    ],
    [
      'vae',
      {
        library: 'diffusers',
        className: 'AutoencoderKLTemporalDecoder',
        config: {
          block_out_channels: vaeChannels,
          down_block_types: vaeChannels.map(() => 'DownEncoderBlock2D'),
          force_upcast: true,
          in_channels: 3,
          latent_channels: 4,
          layers_per_block: 2,
          out_channels: 3,
          sample_size: side,
          scaling_factor: 0.18215,
        },
      },
    ],
  ])
}
