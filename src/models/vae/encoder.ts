import { exp, maximum, minimum, mul, silu, slice } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { conv2d, groupNorm } from '../../nn/layers.js'
import { resnetBlock } from '../../nn/resnet.js'
import { type Weights } from '../../nn/weights.js'
import { pixelAttention } from './attention.js'
import { type VaeConfig } from './config.js'

const EPSILON = 1e-6

/** Two halves of the encoder's output: mean and log variance of the latents, each (n, latentChannels, h, w). */
export interface Moments {
  readonly mean: Tensor
  /** Not clamped; the reference clamps it to [-30, 20] before use. */
  readonly logVariance: Tensor
}

/**
 * Encoder of `AutoencoderKLTemporalDecoder` with its `quant_conv`: pictures (n, 3, H, W) in [-1, 1] -> moments of
 * latents of floor(H / factor) x floor(W / factor). Each picture on its own. Nothing is scaled here.
 */
export function vaeEncoder(root: Weights, config: VaeConfig, pictures: Tensor): Moments {
  const w = root.at('encoder')
  const norm = { epsilon: EPSILON, groups: config.groups }
  let h = conv2d(w.at('conv_in'), pictures, config.channels[0]!, 3, { padding: 1 })
  config.channels.forEach((channels, level) => {
    const block = w.at('down_blocks').at(level)
    for (let layer = 0; layer < config.layersPerBlock; layer++)
      h = resnetBlock(block.at('resnets').at(layer), h, channels, norm)
    // One row and one column of zeros at the far sides only.
    if (level < config.channels.length - 1)
      h = conv2d(block.at('downsamplers').at(0).at('conv'), h, channels, 3, { stride: 2, padding: [0, 0, 1, 1] })
  })
  const deepest = config.channels.at(-1)!
  const mid = w.at('mid_block')
  h = resnetBlock(mid.at('resnets').at(0), h, deepest, norm)
  h = pixelAttention(mid.at('attentions').at(0), h, config.groups)
  h = resnetBlock(mid.at('resnets').at(1), h, deepest, norm)
  const latents = config.latentChannels
  h = silu(groupNorm(w.at('conv_norm_out'), h, EPSILON, config.groups))
  h = conv2d(w.at('conv_out'), h, 2 * latents, 3, { padding: 1 })
  const moments = conv2d(root.at('quant_conv'), h, 2 * latents, 1)
  return { mean: slice(moments, 1, 0, latents), logVariance: slice(moments, 1, latents, 2 * latents) }
}

/**
 * The posterior of latents as diffusers' `DiagonalGaussianDistribution` has it: log variance clamped to [-30, 20], and
 * the standard deviation, both (n, latentChannels, h, w).
 */
export function posterior({ mean, logVariance }: Moments): Moments & { readonly deviation: Tensor } {
  const clamped = minimum(maximum(logVariance, -30), 20)
  return { mean, logVariance: clamped, deviation: exp(mul(clamped, 0.5)) }
}
