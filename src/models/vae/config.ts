import { z } from 'zod'
import { parseConfig } from '../config.js'

/** The class of SVD's own first stage. */
export const VAE_CLASS = 'AutoencoderKLTemporalDecoder'

const size = z.int().positive()

const schema = z.strictObject({
  in_channels: size.default(3),
  out_channels: size.default(3),
  down_block_types: z.array(z.literal('DownEncoderBlock2D')),
  block_out_channels: z.array(size).min(1),
  layers_per_block: size.default(1),
  latent_channels: size.default(4),
  norm_num_groups: size.default(32),
  // Of a list diffusers takes the first.
  sample_size: z
    .union([
      size,
      z
        .array(size)
        .min(1)
        .transform((list) => list[0]!),
    ])
    .default(32),
  scaling_factor: z.number().positive().default(0.18215),
  force_upcast: z.boolean().default(true),
})

/** `AutoencoderKLTemporalDecoder`, as its config.json describes it. */
export interface VaeConfig {
  readonly inChannels: number
  readonly outChannels: number
  /** Channels of each level, from full size down. */
  readonly channels: readonly number[]
  readonly layersPerBlock: number
  readonly latentChannels: number
  /** Groups of every GroupNorm: 32 in SVD, whose class has no field for it (docs/decisions/0005). */
  readonly groups: number
  /** Latents are multiplied by this for the denoiser and divided by it for the decoder (not the image condition). */
  readonly scalingFactor: number
  /** The pictures' size it was trained for; the network itself takes any. */
  readonly sampleSize: number
  /** Whether it must run in float32 where the rest runs in float16. */
  readonly forceUpcast: boolean
  /** Pixels per latent pixel: 2^(levels - 1). */
  readonly factor: number
}

/**
 * Reads a VAE's config.json.
 *
 * @throws UserError naming the file and the field, for a field that is unknown or that SVD's class would refuse.
 */
export function parseVaeConfig(json: unknown, file: string): VaeConfig {
  const config = parseConfig(schema, json, VAE_CLASS, file)
  const levels = config.block_out_channels.length
  if (config.down_block_types.length !== levels)
    throw parseConfig.error(
      file,
      'down_block_types',
      `has ${config.down_block_types.length} entries for ${levels} blocks`,
    )
  const groups = config.norm_num_groups
  const uneven = config.block_out_channels.find((channels) => channels % groups !== 0)
  if (uneven !== undefined)
    throw parseConfig.error(file, 'block_out_channels', `has ${uneven}, which is not a multiple of ${groups}`)
  return {
    inChannels: config.in_channels,
    outChannels: config.out_channels,
    channels: config.block_out_channels,
    layersPerBlock: config.layers_per_block,
    latentChannels: config.latent_channels,
    groups,
    scalingFactor: config.scaling_factor,
    sampleSize: config.sample_size,
    forceUpcast: config.force_upcast,
    factor: 2 ** (levels - 1),
  }
}
