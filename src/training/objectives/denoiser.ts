import { guidanceScales } from '../../diffusion/index.js'
import { zeros } from '../../graph/gradients.js'
import { add, broadcastTo, concat, constant, input, mul, reshape, sub } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { unet, unetEncoder, type UNetConfig, type UNetFeatures } from '../../models/unet/index.js'
import { type Weights } from '../../nn/weights.js'
import { preconditioning } from './edm.js'

/** Sizes of a batch of latent videos, and how the networks hold it. */
export interface LatentBatch {
  readonly videos: number
  readonly frames: number
  readonly height: number
  readonly width: number
  /** Whether a block's inner values are computed again for the gradient, rather than kept until then. */
  readonly rematerialise?: boolean
}

/** SVD's conditions as graph tensors. */
export interface ConditionGraph {
  /** (b, c, h, w): latents of the first frame, not scaled; zeros where dropped. */
  readonly imageLatents: Tensor
  /** (b, 1, d): image embedding; zeros where dropped. */
  readonly context: Tensor
  /** (b, 3): fps - 1, motion bucket, noise augmentation. */
  readonly addedTimeIds: Tensor
  /** (b, f, e, h, w): what else the UNet takes (`models/controls`); undefined where it takes nothing. */
  readonly controls: Tensor | undefined
  /** Of the batch: see `LatentBatch`. */
  readonly rematerialise: boolean
}

/**
 * The graph inputs `imageLatents`, `context`, `addedTimeIds` and, where the UNet takes controls, `controls` for a
 * batch.
 */
export function conditionInputs(
  config: UNetConfig,
  { videos, frames, height, width, rematerialise = false }: LatentBatch,
): ConditionGraph {
  const extra = config.inChannels - 2 * config.outChannels
  return {
    imageLatents: input('imageLatents', [videos, config.outChannels, height, width]),
    controls: extra > 0 ? input('controls', [videos, frames, extra, height, width]) : undefined,
    context: input('context', [videos, 1, config.down[0]!.contextWidth]),
    addedTimeIds: input('addedTimeIds', [videos, 3]),
    rematerialise,
  }
}

/** What the UNet is given for noisy latents x (b, f, c, h, w) at sigma (b). */
function networkInputs(x: Tensor, sigma: Tensor, condition: ConditionGraph) {
  const { cIn, cNoise } = preconditioning(sigma)
  const [b, f, , h, w] = x.shape as [number, number, number, number, number]
  const channels = condition.imageLatents.shape[1]!
  const image = broadcastTo(reshape(condition.imageLatents, [b, 1, channels, h, w]), [b, f, channels, h, w])
  const { context, addedTimeIds, controls, rematerialise } = condition
  const sample = concat([mul(x, cIn), image, ...(controls ? [controls] : [])], 2)
  return { sample, timestep: cNoise, context, addedTimeIds, rematerialise }
}

/** F(c_in x; c_noise, c): the UNet on noisy latents x (b, f, c, h, w) at sigma (b). */
export function predict(w: Weights, config: UNetConfig, x: Tensor, sigma: Tensor, condition: ConditionGraph): Tensor {
  return unet(w, config, networkInputs(x, sigma, condition))
}

/** D(x; s, c) = c_skip x + c_out F(c_in x; c_noise, c) (PAPER eq. 3). */
export function denoise(w: Weights, config: UNetConfig, x: Tensor, sigma: Tensor, condition: ConditionGraph): Tensor {
  const { cSkip, cOut } = preconditioning(sigma)
  return add(mul(x, cSkip), mul(predict(w, config, x, sigma, condition), cOut))
}

/** Scales of the first frame and of the last, as a recipe states them; those between lie on a line. */
export type GuidanceEnds = readonly [first: number, last: number]

/**
 * D with classifier-free guidance, D(x; s, 0) + g (D(x; s, c) - D(x; s, 0)), g by frame: two forward passes. The
 * unconditional one has zeros for the image's latents and embedding, and for all controls.
 */
export function guidedDenoise(
  w: Weights,
  config: UNetConfig,
  x: Tensor,
  sigma: Tensor,
  condition: ConditionGraph,
  [first, last]: GuidanceEnds,
): Tensor {
  const frames = x.shape[1]!
  const scales = guidanceScales(first, last, frames)
  const without = {
    ...condition,
    imageLatents: zeros(condition.imageLatents.shape),
    context: zeros(condition.context.shape),
    controls: condition.controls && zeros(condition.controls.shape),
  }
  const unconditional = denoise(w, config, x, sigma, without)
  const difference = sub(denoise(w, config, x, sigma, condition), unconditional)
  return add(unconditional, mul(difference, constant(scales, [1, frames, 1, 1, 1])))
}

/** The encoder half of the UNet on noisy latents: the features that a discriminator sees. */
export function features(
  w: Weights,
  config: UNetConfig,
  x: Tensor,
  sigma: Tensor,
  condition: ConditionGraph,
): UNetFeatures {
  return unetEncoder(w, config, networkInputs(x, sigma, condition))
}
