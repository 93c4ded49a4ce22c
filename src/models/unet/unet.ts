import { add, reshape, silu } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { sinusoid, timestepEmbedding } from '../../nn/embedding.js'
import { conv2d, groupNorm } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'
import { downBlock, midBlock, upBlock, type Conditioning } from './blocks.js'
import { type UNetConfig } from './config.js'

/** Inputs of the UNet; b videos of f frames, latents of h x w. */
export interface UNetInputs {
  /** (b, f, inChannels, h, w): noisy latents times c_in, then the image latents of every frame, unscaled. */
  readonly sample: Tensor
  /** (b): c_noise = 0.25 ln sigma. */
  readonly timestep: Tensor
  /** (b, t, contextWidth): image embeddings; SVD has t = 1. */
  readonly context: Tensor
  /** (b, 3): fps - 1, motion bucket, noise augmentation strength. */
  readonly addedTimeIds: Tensor
  /** Keeps no inner values of resnets and transformers for the gradient: they are computed again. Default: false. */
  readonly rematerialise?: boolean
}

/** What the encoder half hands on. */
export interface UNetFeatures {
  /** The output of each down block before its downsampler, (b f, c, h, w): what a discriminator looks at. */
  readonly blocks: readonly Tensor[]
  /** The innermost hidden state. */
  readonly hidden: Tensor
  /** Skip connections, outermost first. */
  readonly skips: readonly Tensor[]
  readonly conditioning: Conditioning
}

function embed(w: Weights, config: UNetConfig, inputs: UNetInputs): Conditioning {
  const { sample, timestep, context, addedTimeIds, rematerialise = false } = inputs
  const width = 4 * config.timeWidth
  const time = timestepEmbedding(w.at('time_embedding'), sinusoid(timestep, config.timeWidth), width, width)
  const ids = reshape(sinusoid(reshape(addedTimeIds, [-1]), config.additionWidth), [dim(addedTimeIds, 0), -1])
  const added = timestepEmbedding(w.at('add_embedding'), ids, width, width)
  return { frames: dim(sample, 1), embedding: silu(add(time, added)), context, rematerialise }
}

/**
 * The encoder half of the UNet: embeddings, `conv_in` and the down blocks. Height and width must be divisible by
 * 2^(blocks - 1).
 */
export function unetEncoder(w: Weights, config: UNetConfig, inputs: UNetInputs): UNetFeatures {
  const conditioning = embed(w, config, inputs)
  const [b, f, ...image] = inputs.sample.shape as [number, number, ...number[]]
  let hidden = conv2d(w.at('conv_in'), reshape(inputs.sample, [b * f, ...image]), config.timeWidth, 3, { padding: 1 })
  const skips = [hidden]
  const blocks = config.down.map((block, i) => {
    const outputs = downBlock(w.at('down_blocks').at(i), hidden, block, i === config.down.length - 1, conditioning)
    skips.push(...outputs)
    hidden = outputs.at(-1)!
    return outputs[block.layers - 1]!
  })
  return { blocks, hidden, skips, conditioning }
}

/**
 * `UNetSpatioTemporalConditionModel` of diffusers (with the context order of 0.28 and later): returns F(c_in x;
 * c_noise, c) of EDM preconditioning, (b, f, outChannels, h, w).
 */
export function unet(w: Weights, config: UNetConfig, inputs: UNetInputs): Tensor {
  const { hidden, skips, conditioning } = unetEncoder(w, config, inputs)
  const stack = [...skips]
  let h = midBlock(w.at('mid_block'), hidden, config.mid, conditioning)
  config.up.forEach((block, i) => {
    h = upBlock(w.at('up_blocks').at(i), h, stack, block, i === config.up.length - 1, conditioning)
  })
  const out = conv2d(w.at('conv_out'), silu(groupNorm(w.at('conv_norm_out'), h, 1e-5)), config.outChannels, 3, {
    padding: 1,
  })
  const [b, f, , height, width] = inputs.sample.shape as [number, number, number, number, number]
  return reshape(out, [b, f, config.outChannels, height, width])
}
