import { z } from 'zod'
import { parseConfig } from '../config.js'

const size = z.int().positive()

const schema = z.strictObject({
  frames: size.default(14),
  image_size: size.default(64),
  patch_size: size.default(2),
  block_out_channels: z.array(size).min(1),
  block_strides: z.array(size).min(1),
  norm_num_groups: size.default(8),
  feature_dim: size.default(64),
  projection_dim: size.default(32),
  flaws: z.array(z.string()).min(1),
})

/** `VideoFeatures`, as its config.json describes it. */
export interface VideoFeaturesConfig {
  /** Frames of the clips that it sees. */
  readonly frames: number
  /** Side of the square pictures, in pixels. */
  readonly imageSize: number
  /** Side of the squares that become one token of channels each. */
  readonly patch: number
  /** Output channels of the stem and of each block after it. */
  readonly widths: readonly number[]
  /** By how much the stem (always 1) and each block shrink the pictures. */
  readonly strides: readonly number[]
  readonly groups: number
  /** Length of the feature vector. */
  readonly features: number
  /** Length of the vector that the contrastive objective compares. */
  readonly projection: number
  /** What the flaw head estimates the strengths of, in its order (`data/flaws.ts`). */
  readonly flaws: readonly string[]
}

/**
 * Reads the config.json of a feature network.
 *
 * @throws UserError naming the file and the field that is unknown, missing or does not fit the others.
 */
export function parseVideoFeaturesConfig(json: unknown, file: string): VideoFeaturesConfig {
  const config = parseConfig(schema, json, 'VideoFeatures', file)
  const { block_out_channels: widths, block_strides: strides, norm_num_groups: groups } = config
  if (strides.length !== widths.length)
    throw parseConfig.error(file, 'block_strides', `has ${strides.length} entries for ${widths.length} blocks`)
  if (widths.some((width) => width % groups !== 0))
    throw parseConfig.error(file, 'block_out_channels', `must be multiples of norm_num_groups ${groups}`)
  const shrink = strides.reduce((product, stride) => product * stride, config.patch_size)
  if (strides[0] !== 1) throw parseConfig.error(file, 'block_strides', 'must begin with 1: the stem keeps its patches')
  if (config.image_size % shrink !== 0)
    throw parseConfig.error(file, 'image_size', `must be a multiple of ${shrink}, by which the blocks shrink it`)
  return {
    frames: config.frames,
    imageSize: config.image_size,
    patch: config.patch_size,
    widths,
    strides,
    groups,
    features: config.feature_dim,
    projection: config.projection_dim,
    flaws: config.flaws,
  }
}
