import { z } from 'zod'
import { parseConfig } from '../config.js'

/** The class of the autoencoder that carries a picture along by flows. */
export const WARP_AUTOENCODER_CLASS = 'AutoencoderKLWarp'

const size = z.int().positive()

const schema = z.strictObject({
  in_channels: z.literal(4).default(4),
  block_out_channels: z.array(size.multipleOf(32)).length(4).default([32, 64, 96, 128]),
  layers_per_block: z.array(z.int().nonnegative()).length(4).default([1, 1, 2, 2]),
  attention_head_dim: size.default(32),
  latent_channels: size.default(16),
  hypotheses: size.default(2),
  sample_size: size.default(128),
  scaling_factor: z.number().positive().default(1),
  force_upcast: z.boolean().default(true),
})

/** `AutoencoderKLWarp`, as its config.json describes it. */
export interface WarpAutoencoderConfig {
  /** Channels at a half, a quarter, an eighth and a sixteenth of the pictures' size. */
  readonly channels: readonly number[]
  /** Residual blocks at those sizes. */
  readonly layers: readonly number[]
  /** Channels of an attention head. */
  readonly headChannels: number
  readonly latentChannels: number
  /** Flows by which each pixel may be fetched from the picture; the decoder blends what they bring. */
  readonly hypotheses: number
  /** Side of the pictures it was trained on; the network itself takes any multiple of `factor`. */
  readonly sampleSize: number
  /** Latents are multiplied by this for the denoiser and divided by it for the decoder. */
  readonly scalingFactor: number
  /** Whether it must run in float32 where the rest runs in float16. */
  readonly forceUpcast: boolean
  /** Pixels per latent pixel. */
  readonly factor: number
}

/**
 * Reads the config.json of an `AutoencoderKLWarp`.
 *
 * @throws UserError naming the file and the field, for a field that is unknown or out of range.
 */
export function parseWarpAutoencoderConfig(json: unknown, file: string): WarpAutoencoderConfig {
  const config = parseConfig(schema, json, WARP_AUTOENCODER_CLASS, file)
  // Attention is at an eighth of the size alone.
  const attended = config.block_out_channels[2]!
  if (attended % config.attention_head_dim !== 0)
    throw parseConfig.error(file, 'attention_head_dim', `does not divide ${attended} of block_out_channels`)
  return {
    channels: config.block_out_channels,
    layers: config.layers_per_block,
    headChannels: config.attention_head_dim,
    latentChannels: config.latent_channels,
    hypotheses: config.hypotheses,
    sampleSize: config.sample_size,
    scalingFactor: config.scaling_factor,
    forceUpcast: config.force_upcast,
    factor: 16,
  }
}
