import { add, mul, reshape, sigmoid, silu, sub, transpose } from '../graph/ops/index.js'
import { dim, type Tensor } from '../graph/tensor.js'
import { conv2d, groupNorm, linear, temporalConv } from './layers.js'
import { type Weights } from './weights.js'

/** What a residual block is made with. */
export interface ResnetOptions {
  readonly epsilon: number
  /** Groups of its norms: 32 in every SVD checkpoint. */
  readonly groups?: number
  /** silu of the time embedding, (b, e): all frames of a video share it. */
  readonly embedding?: Tensor
}

/**
 * diffusers `ResnetBlock2D`: x (b f, c, h, w) -> (b f, out, h, w). The shortcut convolution exists only where the
 * channel count changes.
 */
export function resnetBlock(w: Weights, x: Tensor, out: number, options: ResnetOptions): Tensor {
  const { epsilon, groups, embedding } = options
  let h = conv2d(w.at('conv1'), silu(groupNorm(w.at('norm1'), x, epsilon, groups)), out, 3, { padding: 1 })
  if (embedding) {
    const videos = dim(embedding, 0)
    const shift = reshape(linear(w.at('time_emb_proj'), embedding, out), [videos, 1, out, 1])
    h = reshape(add(reshape(h, [videos, -1, out, dim(h, 2) * dim(h, 3)]), shift), h.shape)
  }
  h = conv2d(w.at('conv2'), silu(groupNorm(w.at('norm2'), h, epsilon, groups)), out, 3, { padding: 1 })
  return add(dim(x, 1) === out ? x : conv2d(w.at('conv_shortcut'), x, out, 1), h)
}

/**
 * The residual branch of diffusers `TemporalResnetBlock`, on x (b, c, f, pixels); group statistics run over frames and
 * pixels together. The caller adds it to x.
 */
function temporalBranch(w: Weights, x: Tensor, { epsilon, groups, embedding }: ResnetOptions): Tensor {
  const channels = dim(x, 1)
  let h = temporalConv(w.at('conv1'), silu(groupNorm(w.at('norm1'), x, epsilon, groups)), channels)
  if (embedding) h = add(h, reshape(linear(w.at('time_emb_proj'), embedding, channels), [dim(x, 0), channels, 1, 1]))
  return temporalConv(w.at('conv2'), silu(groupNorm(w.at('norm2'), h, epsilon, groups)), channels)
}

/** What a `SpatioTemporalResBlock` is made with. */
export interface SpatioTemporalOptions {
  readonly frames: number
  readonly spatialEpsilon: number
  readonly temporalEpsilon: number
  /** Groups of all norms: 32 in every SVD checkpoint. */
  readonly groups?: number
  /** silu of the time embedding, (b, e). */
  readonly embedding?: Tensor
  /** The VAE decoder's blender gives sigmoid(mix_factor) to the temporal side, the UNet's to the spatial side. */
  readonly blend: 'sigmoid-of-spatial' | 'sigmoid-of-temporal'
}

/**
 * diffusers `SpatioTemporalResBlock`: x (b f, c, h, w) -> (b f, out, h, w), a spatial block, then a temporal block on
 * its result, blended. As the temporal block is its input plus a branch, the blend is `spatial + share branch`.
 */
export function spatioTemporalResBlock(w: Weights, x: Tensor, out: number, options: SpatioTemporalOptions): Tensor {
  const { frames, groups, embedding } = options
  const spatial = resnetBlock(w.at('spatial_res_block'), x, out, { epsilon: options.spatialEpsilon, groups, embedding })
  const videos = dim(x, 0) / frames
  const swap = [0, 2, 1, 3]
  const inTime = transpose(reshape(spatial, [videos, frames, out, -1]), swap)
  const branch = temporalBranch(w.at('temporal_res_block'), inTime, {
    epsilon: options.temporalEpsilon,
    groups,
    embedding,
  })
  const mix = sigmoid(w.at('time_mixer').get('mix_factor', [1]))
  const share = options.blend === 'sigmoid-of-spatial' ? sub(1, mix) : mix
  return add(spatial, reshape(transpose(mul(branch, share), swap), spatial.shape))
}
