import { add, attention, gelu, mul, reshape, slice } from '../graph/ops/index.js'
import { dim, type Tensor } from '../graph/tensor.js'
import { layerNorm, linear } from './layers.js'
import { type Weights } from './weights.js'

/**
 * diffusers `Attention` over sequences of `length` tokens, x (b length, c), without bias in q, k and v. Tokens lie one
 * after another here and in the blocks below: linear layers want them as rows.
 */
export function selfAttention(w: Weights, x: Tensor, length: number, heads: number): Tensor {
  const channels = dim(x, -1)
  const project = (name: string) => reshape(linear(w.at(name), x, channels, { bias: false }), [-1, length, channels])
  const mixed = attention(project('to_q'), project('to_k'), project('to_v'), heads)
  return linear(w.at('to_out').at(0), reshape(mixed, x.shape), channels)
}

/**
 * diffusers `Attention` from x (b, s, c) to context (b, t, d), broadcastable to x. With one context token, as SVD has
 * it, the softmax over it is 1: queries and keys have no influence and are recorded but not computed.
 */
export function crossAttention(w: Weights, x: Tensor, context: Tensor, heads: number): Tensor {
  const channels = dim(x, -1)
  const project = (name: string, from: Tensor) => linear(w.at(name), from, channels, { bias: false })
  const [q, k, v] = [project('to_q', x), project('to_k', context), project('to_v', context)]
  // What is not used is not lowered.
  return linear(w.at('to_out').at(0), dim(context, 1) === 1 ? v : attention(q, k, v, heads), channels)
}

/**
 * diffusers `FeedForward` with GEGLU: (value gelu(gate)) through a linear layer, x (..., c) -> (..., c), inner width
 * 4c.
 */
export function feedForward(w: Weights, x: Tensor): Tensor {
  const channels = dim(x, -1)
  const inner = 4 * channels
  const projected = linear(w.at('net').at(0).at('proj'), x, 2 * inner)
  const gated = mul(slice(projected, -1, 0, inner), gelu(slice(projected, -1, inner, 2 * inner)))
  return linear(w.at('net').at(2), gated, channels)
}

/** Adds cross attention to the tokens x (b s, c), b the context's. */
function addCrossAttention(w: Weights, x: Tensor, context: Tensor, heads: number): Tensor {
  const byVideo = (tokens: Tensor) => reshape(tokens, [dim(context, 0), -1, dim(x, -1)])
  const attended = crossAttention(w.at('attn2'), byVideo(layerNorm(w.at('norm2'), x)), context, heads)
  return reshape(add(byVideo(x), attended), x.shape)
}

/** diffusers `BasicTransformerBlock` on sequences of `length` tokens, x (b f length, c), context (b, t, d). */
export function transformerBlock(w: Weights, x: Tensor, length: number, context: Tensor, heads: number): Tensor {
  let h = add(x, selfAttention(w.at('attn1'), layerNorm(w.at('norm1'), x), length, heads))
  h = addCrossAttention(w, h, context, heads)
  return add(h, feedForward(w.at('ff'), layerNorm(w.at('norm3'), h)))
}

/**
 * diffusers `TemporalBasicTransformerBlock` on sequences of `frames` tokens, x (b pixels frames, c), context (b, t, d):
 * that of the first frame.
 */
export function temporalTransformerBlock(
  w: Weights,
  x: Tensor,
  frames: number,
  context: Tensor,
  heads: number,
): Tensor {
  const h = add(x, feedForward(w.at('ff_in'), layerNorm(w.at('norm_in'), x)))
  return transformerBlock(w, h, frames, context, heads)
}
