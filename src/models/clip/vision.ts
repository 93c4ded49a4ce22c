import {
  add,
  attention,
  broadcastTo,
  concat,
  conv,
  gelu,
  mul,
  reshape,
  sigmoid,
  slice,
  transpose,
} from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { layerNorm, linear } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'
import { type ClipVisionConfig } from './config.js'

/** What the image encoder returns. */
export interface ClipVisionOutput {
  /** (b, projection): the condition of the UNet, not normalised to unit length. */
  readonly imageEmbeds: Tensor
  /** (b, width): the class token after `post_layernorm`. */
  readonly pooled: Tensor
  /** (b, 1 + patches, width): before `post_layernorm`. */
  readonly lastHiddenState: Tensor
}

/**
 * `CLIPVisionModelWithProjection` of transformers: pixels (b, 3, imageSize, imageSize), normalised by CLIP's mean and
 * deviation. Where the patch size does not divide the picture, the rest at the right and the bottom is ignored.
 */
export function clipVision(root: Weights, config: ClipVisionConfig, pixels: Tensor): ClipVisionOutput {
  const w = root.at('vision_model')
  const { width, patch, epsilon } = config
  const batch = dim(pixels, 0)
  const embeddings = w.at('embeddings')
  const kernel = embeddings.at('patch_embedding').get('weight', [width, config.channels, patch, patch])
  const patches = conv(pixels, kernel, undefined, { stride: patch })
  const count = dim(patches, 2) * dim(patches, 3)
  const tokens = transpose(reshape(patches, [batch, width, count]), [0, 2, 1])
  const classToken = broadcastTo(reshape(embeddings.get('class_embedding', [width]), [1, 1, width]), [batch, 1, width])
  const positions = embeddings.at('position_embedding').get('weight', [count + 1, width])
  // The reference's spelling.
  let h = layerNorm(w.at('pre_layrnorm'), add(concat([classToken, tokens], 1), positions), epsilon)
  for (let layer = 0; layer < config.layers; layer++) h = clipLayer(w.at('encoder').at('layers').at(layer), h, config)
  const pooled = layerNorm(w.at('post_layernorm'), reshape(slice(h, 1, 0, 1), [batch, width]), epsilon)
  const imageEmbeds = linear(root.at('visual_projection'), pooled, config.projection, { bias: false })
  return { imageEmbeds, pooled, lastHiddenState: h }
}

function clipLayer(w: Weights, x: Tensor, { width, innerWidth, heads, epsilon, activation }: ClipVisionConfig): Tensor {
  const normal = layerNorm(w.at('layer_norm1'), x, epsilon)
  const attn = w.at('self_attn')
  const project = (name: string) => linear(attn.at(name), normal, width)
  const mixed = attention(project('q_proj'), project('k_proj'), project('v_proj'), heads)
  const h = add(x, linear(attn.at('out_proj'), mixed, width))
  const inner = linear(w.at('mlp').at('fc1'), layerNorm(w.at('layer_norm2'), h, epsilon), innerWidth)
  const active = activation === 'gelu' ? gelu(inner) : mul(inner, sigmoid(mul(inner, 1.702)))
  return add(h, linear(w.at('mlp').at('fc2'), active, width))
}
