import { abs, add, input, mean, mul, slice, square, sub } from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { posterior, vaeDecoder, vaeEncoder, type VaeConfig } from '../../models/vae/index.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'

/** Weights of the autoencoder's loss terms. */
export interface AutoencoderLossOptions {
  /** Kullback-Leibler divergence of the latents from a unit Gaussian, mean per latent value. */
  readonly klWeight: number
  /** Difference of picture gradients (neighbouring pixels), which keeps outlines sharp. */
  readonly edgeWeight: number
}

/** Size of a training batch of the autoencoder: `clips` windows of `frames` square crops. */
export interface CropBatch {
  readonly clips: number
  readonly frames: number
  readonly size: number
}

/**
 * Reconstruction through `AutoencoderKLTemporalDecoder`: mean |x - x'| + edge term + KL. Inputs: `pictures` (clips
 * frames, 3, size, size) in [-1, 1]; `noise`, unit Gaussian in the latents' shape, which the posterior is sampled with.
 * Outputs the reconstruction as `pictures`.
 */
export function autoencoderLoss(
  w: Weights,
  config: VaeConfig,
  batch: CropBatch,
  options: AutoencoderLossOptions,
): LossGraph {
  const pictures = input('pictures', [batch.clips * batch.frames, config.inChannels, batch.size, batch.size])
  const moments = posterior(vaeEncoder(w, config, pictures))
  const latents = add(moments.mean, mul(moments.deviation, input('noise', moments.mean.shape)))
  const reconstruction = vaeDecoder(w, config, latents, batch.frames)
  const difference = sub(reconstruction, pictures)
  const reconstructionLoss = mean(abs(difference))
  const kl = gaussianDivergence(moments)
  const edges = edgeDifference(difference)
  return {
    loss: add(add(reconstructionLoss, mul(edges, options.edgeWeight)), mul(kl, options.klWeight)),
    metrics: {
      l1: reconstructionLoss,
      mse: mean(square(difference)),
      kl,
      edges,
      latentSquare: mean(square(moments.mean)),
    },
    outputs: { pictures: reconstruction },
  }
}

/** Kullback-Leibler divergence of a posterior from a unit Gaussian, mean per value. */
export function gaussianDivergence({ mean: centre, deviation, logVariance }: ReturnType<typeof posterior>): Tensor {
  return mul(mean(sub(sub(add(square(centre), square(deviation)), 1), logVariance)), 0.5)
}

/** Mean absolute difference of neighbouring pixels of x (n, c, h, w), down and across. */
export function edgeDifference(x: Tensor): Tensor {
  const steps = [2, 3].map((axis) => sub(slice(x, axis, 1, dim(x, axis)), slice(x, axis, 0, dim(x, axis) - 1)))
  return add(mean(abs(steps[0]!)), mean(abs(steps[1]!)))
}
