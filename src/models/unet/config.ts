import { z } from 'zod'
import { parseConfig, perBlock } from '../config.js'

const size = z.int().positive()
const sizes = z.union([size, z.array(size)])

const schema = z.strictObject({
  sample_size: sizes.nullish(),
  in_channels: size.default(8),
  out_channels: size.default(4),
  down_block_types: z.array(z.enum(['CrossAttnDownBlockSpatioTemporal', 'DownBlockSpatioTemporal'])),
  up_block_types: z.array(z.enum(['UpBlockSpatioTemporal', 'CrossAttnUpBlockSpatioTemporal'])),
  block_out_channels: z.array(size.multipleOf(32)),
  addition_time_embed_dim: size.multipleOf(2).default(256),
  projection_class_embeddings_input_dim: size.default(768),
  layers_per_block: sizes.default(2),
  cross_attention_dim: sizes.default(1024),
  transformer_layers_per_block: sizes.default(1),
  num_attention_heads: sizes,
  num_frames: size.default(25),
})

/** What `EMAModel` of diffusers notes in the configuration of averaged weights. */
const EMA_NOTES = [
  'decay',
  'foreach',
  'inv_gamma',
  'min_decay',
  'optimization_step',
  'power',
  'update_after_step',
  'use_ema_warmup',
]

/** A block of the UNet: its layers and, where it has attention, its transformers. */
export interface UNetBlockConfig {
  readonly channels: number
  readonly layers: number
  readonly attention: boolean
  readonly heads: number
  readonly contextWidth: number
  readonly transformerLayers: number
}

/** `UNetSpatioTemporalConditionModel`, as its config.json describes it. */
export interface UNetConfig {
  /** Noisy latents and image latents together. */
  readonly inChannels: number
  readonly outChannels: number
  readonly timeWidth: number
  /** Sinusoid width of each of the three micro-conditioning numbers. */
  readonly additionWidth: number
  readonly down: readonly UNetBlockConfig[]
  readonly mid: UNetBlockConfig
  readonly up: readonly UNetBlockConfig[]
  /** Frames and latent size it was trained for; the network itself takes any. */
  readonly frames: number
  readonly sampleSize: number | readonly number[] | undefined
}

/**
 * Reads a UNet's config.json.
 *
 * @throws UserError naming the file and the field, for a field that is unknown or that SVD's class would refuse.
 */
export function parseUNetConfig(json: unknown, file: string): UNetConfig {
  const config = parseConfig(schema, json, 'UNetSpatioTemporalConditionModel', file, EMA_NOTES)
  const blocks = config.block_out_channels.length
  const check = (field: string, length: number) => {
    if (length !== blocks) throw parseConfig.error(file, field, `has ${length} entries for ${blocks} blocks`)
  }
  check('down_block_types', config.down_block_types.length)
  check('up_block_types', config.up_block_types.length)
  const layers = perBlock(config.layers_per_block, blocks, file, 'layers_per_block')
  const heads = perBlock(config.num_attention_heads, blocks, file, 'num_attention_heads')
  const widths = perBlock(config.cross_attention_dim, blocks, file, 'cross_attention_dim')
  const depths = perBlock(config.transformer_layers_per_block, blocks, file, 'transformer_layers_per_block')
  if (config.projection_class_embeddings_input_dim !== 3 * config.addition_time_embed_dim)
    throw parseConfig.error(file, 'projection_class_embeddings_input_dim', 'is not 3 addition_time_embed_dim')
  const block = (i: number, attention: boolean, extraLayers: number): UNetBlockConfig => {
    const channels = config.block_out_channels[i]!
    if (channels % heads[i]! !== 0)
      throw parseConfig.error(file, 'num_attention_heads', `${heads[i]} does not divide ${channels} channels`)
    return {
      channels,
      layers: layers[i]! + extraLayers,
      attention,
      heads: heads[i]!,
      contextWidth: widths[i]!,
      transformerLayers: depths[i]!,
    }
  }
  return {
    inChannels: config.in_channels,
    outChannels: config.out_channels,
    timeWidth: config.block_out_channels[0]!,
    additionWidth: config.addition_time_embed_dim,
    down: config.down_block_types.map((type, i) => block(i, type.startsWith('CrossAttn'), 0)),
    mid: block(blocks - 1, true, 0),
    up: config.up_block_types.map((type, i) => block(blocks - 1 - i, type.startsWith('CrossAttn'), 1)),
    frames: config.num_frames,
    sampleSize: config.sample_size ?? undefined,
  }
}
