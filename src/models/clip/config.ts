import { z } from 'zod'
import { parseConfig } from '../config.js'

const size = z.int().positive()

const schema = z.strictObject({
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  projection_dim: size.default(512),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  num_channels: size.default(3),
  patch_size: size.default(32),
  image_size: size.default(224),
  hidden_act: z.enum(['gelu', 'quick_gelu']).default('quick_gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  attention_dropout: z.literal(0).default(0),
  model_type: z.literal('clip_vision_model').default('clip_vision_model'),
})

/** `CLIPVisionModelWithProjection`, as its config.json describes it. */
export interface ClipVisionConfig {
  readonly width: number
  readonly innerWidth: number
  /** Length of the image embedding. */
  readonly projection: number
  readonly layers: number
  readonly heads: number
  readonly channels: number
  readonly patch: number
  readonly imageSize: number
  readonly activation: 'gelu' | 'quick_gelu'
  readonly epsilon: number
}

/** Fields that describe how a checkpoint was initialised or saved, not what it computes. */
const NOTES = [
  'architectures',
  'initializer_range',
  'initializer_factor',
  'torch_dtype',
  'dtype',
  'transformers_version',
  'dropout',
  // What every model of transformers has, and some tools write out.
  'chunk_size_feed_forward',
  'id2label',
  'is_encoder_decoder',
  'label2id',
  'output_attentions',
  'output_hidden_states',
  'problem_type',
  'return_dict',
  'use_cache',
]

/**
 * Reads an image encoder's config.json.
 *
 * @throws UserError naming the file and the field, for a field that is unknown or that the class would refuse.
 */
export function parseClipVisionConfig(json: unknown, file: string): ClipVisionConfig {
  const config = parseConfig(schema, json, 'CLIPVisionModelWithProjection', file, NOTES)
  if (config.hidden_size % config.num_attention_heads !== 0)
    throw parseConfig.error(file, 'num_attention_heads', `${config.num_attention_heads} does not divide hidden_size`)
  return {
    width: config.hidden_size,
    innerWidth: config.intermediate_size,
    projection: config.projection_dim,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    channels: config.num_channels,
    patch: config.patch_size,
    imageSize: config.image_size,
    activation: config.hidden_act,
    epsilon: config.layer_norm_eps,
  }
}
