import { reshape, silu, transpose, upsampleNearest } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { conv2d, groupNorm, temporalConv } from '../../nn/layers.js'
import { spatioTemporalResBlock } from '../../nn/resnet.js'
import { type Weights } from '../../nn/weights.js'
import { pixelAttention } from './attention.js'
import { type VaeConfig } from './config.js'

/**
 * Temporal decoder of `AutoencoderKLTemporalDecoder`: latents (b f, latentChannels, h, w), already divided by the
 * scaling factor, frames fastest -> frames (b f, 3, H, W), about [-1, 1], not clamped. Norms and padding run over the
 * `frames` given together, so that the result depends on how a video is cut into chunks.
 */
export function vaeDecoder(root: Weights, config: VaeConfig, latents: Tensor, frames: number): Tensor {
  const w = root.at('decoder')
  const resnet = (at: Weights, x: Tensor, channels: number) =>
    spatioTemporalResBlock(at, x, channels, {
      frames,
      spatialEpsilon: 1e-6,
      temporalEpsilon: 1e-5,
      groups: config.groups,
      blend: 'sigmoid-of-temporal',
    })
  const deepest = config.channels.at(-1)!
  let h = conv2d(w.at('conv_in'), latents, deepest, 3, { padding: 1 })

  // The reference pairs the resnets after the first with its single attention: with one layer the attention is never
  // reached, with three or more the later resnets are not. Their weights exist all the same.
  const mid = w.at('mid_block')
  const unused = Array.from({ length: config.layersPerBlock }, (_, i) => i).slice(2)
  unused.forEach((layer) => resnet(mid.at('resnets').at(layer), h, deepest))
  h = resnet(mid.at('resnets').at(0), h, deepest)
  const attended = pixelAttention(mid.at('attentions').at(0), h, config.groups)
  if (config.layersPerBlock > 1) h = resnet(mid.at('resnets').at(1), attended, deepest)

  const levels = config.channels.length
  for (let level = 0; level < levels; level++) {
    const block = w.at('up_blocks').at(level)
    const channels = config.channels[levels - 1 - level]!
    for (let layer = 0; layer <= config.layersPerBlock; layer++) h = resnet(block.at('resnets').at(layer), h, channels)
    if (level < levels - 1)
      h = conv2d(block.at('upsamplers').at(0).at('conv'), upsampleNearest(h, 2), channels, 3, { padding: 1 })
  }
  h = silu(groupNorm(w.at('conv_norm_out'), h, 1e-6, config.groups))
  h = conv2d(w.at('conv_out'), h, config.outChannels, 3, { padding: 1 })

  const [n, c, height, width] = h.shape as [number, number, number, number]
  const swap = [0, 2, 1, 3]
  const inTime = transpose(reshape(h, [n / frames, frames, c, height * width]), swap)
  return reshape(transpose(temporalConv(w.at('time_conv_out'), inTime, c), swap), [n, c, height, width])
}
