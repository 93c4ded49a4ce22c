import { add, broadcastTo, concat, input, mul, reshape } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { unet, unetEncoder, type UNetConfig, type UNetFeatures } from '../../models/unet/index.js'
import { type Weights } from '../../nn/weights.js'
import { preconditioning } from './edm.js'

/** Sizes of a batch of latent videos. */
export interface LatentBatch {
  readonly videos: number
  readonly frames: number
  readonly height: number
  readonly width: number
}

/** SVD's conditions as graph tensors. */
export interface ConditionGraph {
  /** (b, c, h, w): latents of the first frame, not scaled; zeros where dropped. */
  readonly imageLatents: Tensor
  /** (b, 1, d): image embedding; zeros where dropped. */
  readonly context: Tensor
  /** (b, 3): fps - 1, motion bucket, noise augmentation. */
  readonly addedTimeIds: Tensor
}

/** The graph inputs `imageLatents`, `context`, `addedTimeIds` for a batch. */
export function conditionInputs(config: UNetConfig, { videos, height, width }: LatentBatch): ConditionGraph {
  return {
    imageLatents: input('imageLatents', [videos, config.inChannels - config.outChannels, height, width]),
    context: input('context', [videos, 1, config.down[0]!.contextWidth]),
    addedTimeIds: input('addedTimeIds', [videos, 3]),
  }
}

/** What the UNet is given for noisy latents x (b, f, c, h, w) at sigma (b). */
function networkInputs(x: Tensor, sigma: Tensor, condition: ConditionGraph) {
  const { cIn, cNoise } = preconditioning(sigma)
  const [b, f, , h, w] = x.shape as [number, number, number, number, number]
  const channels = condition.imageLatents.shape[1]!
  const image = broadcastTo(reshape(condition.imageLatents, [b, 1, channels, h, w]), [b, f, channels, h, w])
  const sample = concat([mul(x, cIn), image], 2)
  return { sample, timestep: cNoise, context: condition.context, addedTimeIds: condition.addedTimeIds }
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
