import { abs, add, input, mean, mul, square, sub } from '../../graph/ops/index.js'
import { warpDecoder, warpEncoder, type WarpAutoencoderConfig } from '../../models/autoencoder-warp/index.js'
import { posterior } from '../../models/vae/index.js'
import { averagePool } from '../../nn/warp.js'
import { type Weights } from '../../nn/weights.js'
import { type LossGraph } from '../gradient-program.js'
import { edgeDifference, gaussianDivergence } from './autoencoder.js'

/** Weights of the loss terms of `AutoencoderKLWarp`. */
export interface WarpAutoencoderLossOptions {
  /** Kullback-Leibler divergence of the latents from a unit Gaussian, mean per latent value. */
  readonly klWeight: number
  /** Difference of picture gradients (neighbouring pixels), which keeps outlines sharp. */
  readonly edgeWeight: number
  /** The frames at a quarter of their size as the coarse flows make them: a hold for flows that are far off. */
  readonly coarseWeight: number
}

/**
 * Reconstruction of frames from how they differ from their picture: mean |x - x'| + edges + coarse + KL. Inputs:
 * `frames` (clips frames, 4, H, W) and `picture` (clips, 4, H, W), premultiplied in [0, 1]; `noise` and `jitter` in the
 * latents' shape: a unit Gaussian that the posterior is sampled with, and what is added for the decoder to forgive.
 * Outputs the reconstruction as `frames`.
 */
export function warpAutoencoderLoss(
  w: Weights,
  config: WarpAutoencoderConfig,
  { clips, frames, width, height }: { clips: number; frames: number; width: number; height: number },
  { klWeight, edgeWeight, coarseWeight }: WarpAutoencoderLossOptions,
): LossGraph {
  const target = input('frames', [clips * frames, 4, height, width])
  const picture = input('picture', [clips, 4, height, width])
  const moments = posterior(warpEncoder(w, config, target, picture))
  const { shape } = moments.mean
  const latents = add(add(moments.mean, mul(moments.deviation, input('noise', shape))), input('jitter', shape))
  const { frames: made, coarse } = warpDecoder(w, config, latents, picture)
  const difference = sub(made, target)
  const l1 = mean(abs(difference))
  const edges = edgeDifference(difference)
  const far = mean(abs(sub(coarse, averagePool(target, 4))))
  const kl = gaussianDivergence(moments)
  return {
    loss: add(add(l1, mul(edges, edgeWeight)), add(mul(far, coarseWeight), mul(kl, klWeight))),
    metrics: { l1, mse: mean(square(difference)), kl, edges, coarse: far, latentSquare: mean(square(moments.mean)) },
    outputs: { frames: made },
  }
}
