import {
  add,
  concat,
  constant,
  mul,
  rematerialise,
  reshape,
  sigmoid,
  sub,
  transpose,
  upsampleNearest,
} from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { temporalTransformerBlock, transformerBlock } from '../../nn/attention.js'
import { sinusoid, timestepEmbedding } from '../../nn/embedding.js'
import { conv2d, groupNorm, linear } from '../../nn/layers.js'
import { spatioTemporalResBlock } from '../../nn/resnet.js'
import { type Weights } from '../../nn/weights.js'
import { type UNetBlockConfig } from './config.js'

/** What every block is conditioned on. */
export interface Conditioning {
  readonly frames: number
  /** silu of time and micro-conditioning embedding, (b, e). */
  readonly embedding: Tensor
  /** Image tokens, (b, t, d). */
  readonly context: Tensor
  /** Whether resnets and transformers keep no inner values for the gradient. */
  readonly rematerialise: boolean
}

/** Computes a part of a block from its input, again for the gradient where the conditioning says so. */
function part({ rematerialise: again }: Conditioning, compute: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return again ? rematerialise(compute, x) : compute(x)
}

function resnet(w: Weights, x: Tensor, out: number, epsilon: number, conditioning: Conditioning): Tensor {
  const { frames, embedding } = conditioning
  const epsilons = { spatialEpsilon: epsilon, temporalEpsilon: epsilon }
  const options = { ...epsilons, frames, embedding, blend: 'sigmoid-of-spatial' } as const
  return part(conditioning, (h) => spatioTemporalResBlock(w, h, out, options), x)
}

function transformer(w: Weights, x: Tensor, block: UNetBlockConfig, conditioning: Conditioning): Tensor {
  return part(conditioning, (h) => spatioTemporalTransformer(w, h, block, conditioning), x)
}

/**
 * diffusers `TransformerSpatioTemporalModel`: x (b f, c, h, w). Each layer attends over the pixels of a frame, then
 * over the frames of a pixel, and blends the two; the frame index is embedded into the temporal side only.
 */
function spatioTemporalTransformer(
  w: Weights,
  x: Tensor,
  block: UNetBlockConfig,
  { frames, context }: Conditioning,
): Tensor {
  const [n, channels, height, width] = x.shape as [number, number, number, number]
  const pixels = height * width
  const videos = n / frames
  const tokens = transpose(reshape(groupNorm(w.at('norm'), x, 1e-6), [n, channels, pixels]), [0, 2, 1])
  // Tokens as rows, of one pixel after another, then of one frame after another.
  let h = linear(w.at('proj_in'), reshape(tokens, [-1, channels]), channels)

  const indices = constant(
    Float32Array.from({ length: frames }, (_, i) => i),
    [frames],
  )
  const frameEmbedding = timestepEmbedding(w.at('time_pos_embed'), sinusoid(indices, channels), 4 * channels, channels)
  const share = sigmoid(w.at('time_mixer').get('mix_factor', [1]))
  const swap = [0, 2, 1, 3]
  for (let layer = 0; layer < block.transformerLayers; layer++) {
    const spatial = transformerBlock(w.at('transformer_blocks').at(layer), h, pixels, context, block.heads)
    const byFrame = reshape(spatial, [videos, frames, pixels, channels])
    const indexed = transpose(add(byFrame, reshape(frameEmbedding, [1, frames, 1, channels])), swap)
    const inTime = reshape(indexed, h.shape)
    const temporalBlock = w.at('temporal_transformer_blocks').at(layer)
    const mixed = temporalTransformerBlock(temporalBlock, inTime, frames, context, block.heads)
    const temporal = transpose(reshape(mixed, [videos, pixels, frames, channels]), swap)
    h = reshape(add(temporal, mul(sub(byFrame, temporal), share)), h.shape)
  }
  const out = transpose(reshape(linear(w.at('proj_out'), h, channels), [n, pixels, channels]), [0, 2, 1])
  return add(x, reshape(out, x.shape))
}

/** A down block: its layers' outputs, and the downsampled one unless it is the last block. */
export function downBlock(
  w: Weights,
  x: Tensor,
  block: UNetBlockConfig,
  last: boolean,
  conditioning: Conditioning,
): Tensor[] {
  const epsilon = block.attention ? 1e-6 : 1e-5
  const outputs: Tensor[] = []
  let h = x
  for (let layer = 0; layer < block.layers; layer++) {
    h = resnet(w.at('resnets').at(layer), h, block.channels, epsilon, conditioning)
    if (block.attention) h = transformer(w.at('attentions').at(layer), h, block, conditioning)
    outputs.push(h)
  }
  if (!last)
    outputs.push(conv2d(w.at('downsamplers').at(0).at('conv'), h, block.channels, 3, { stride: 2, padding: 1 }))
  return outputs
}

/** The mid block: resnet, attention, resnet, whatever the number of layers elsewhere. */
export function midBlock(w: Weights, x: Tensor, block: UNetBlockConfig, conditioning: Conditioning): Tensor {
  const first = resnet(w.at('resnets').at(0), x, block.channels, 1e-5, conditioning)
  const attended = transformer(w.at('attentions').at(0), first, block, conditioning)
  return resnet(w.at('resnets').at(1), attended, block.channels, 1e-5, conditioning)
}

/**
 * An up block: takes one skip connection per layer from the end of `skips`, and doubles the size unless it is the last.
 */
export function upBlock(
  w: Weights,
  x: Tensor,
  skips: Tensor[],
  block: UNetBlockConfig,
  last: boolean,
  conditioning: Conditioning,
): Tensor {
  let h = x
  for (let layer = 0; layer < block.layers; layer++) {
    h = resnet(w.at('resnets').at(layer), concat([h, skips.pop()!], 1), block.channels, 1e-6, conditioning)
    if (block.attention) h = transformer(w.at('attentions').at(layer), h, block, conditioning)
  }
  if (last) return h
  return conv2d(w.at('upsamplers').at(0).at('conv'), upsampleNearest(h, 2), dim(h, 1), 3, { padding: 1 })
}
