import { guidanceScales } from '../../diffusion/index.js'
import { zeros } from '../../graph/gradients.js'
import {
  add,
  broadcastTo,
  concat,
  constant,
  div,
  input,
  log,
  mean,
  mul,
  neg,
  pow,
  reshape,
  sqrt,
  square,
  sub,
  sum,
} from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { parseUNetConfig, unet, unetEncoder, type UNetConfig, type UNetFeatures } from '../../models/unet/index.js'
import { type ParameterSet, type Weights } from '../../nn/weights.js'

/** EDM preconditioning (sigma_data = 1) inside a graph; every factor (b, 1, 1, 1, 1) but `cNoise` (b). */
export interface PreconditioningGraph {
  readonly cSkip: Tensor
  readonly cOut: Tensor
  readonly cIn: Tensor
  readonly cNoise: Tensor
}

/**
 * c_skip = 1/(s^2+1), c_out = -s/sqrt(s^2+1), c_in = 1/sqrt(s^2+1), c_noise = 0.25 ln s (PAPER eq. 3), s of shape (b).
 */
export function preconditioning(sigma: Tensor): PreconditioningGraph {
  const s = reshape(sigma, [-1, 1, 1, 1, 1])
  const total = add(square(s), 1)
  const root = sqrt(total)
  return { cSkip: pow(total, -1), cOut: neg(div(s, root)), cIn: pow(root, -1), cNoise: mul(log(sigma), 0.25) }
}

/** x_t = x_0 + s e (PAPER eq. 2), x (b, f, c, h, w), s (b). */
export function diffuse(x: Tensor, noise: Tensor, sigma: Tensor): Tensor {
  return add(x, mul(noise, reshape(sigma, [-1, 1, 1, 1, 1])))
}

/** mean_x PseudoHuber(a, b) = sqrt(|a - b|^2 + c^2) - c over samples (b, ...), c = 0.00054 sqrt(dim) (PAPER eq. 9). */
export function pseudoHuber(a: Tensor, b: Tensor): Tensor {
  const samples = a.shape[0]!
  const c = 0.00054 * Math.sqrt(a.size / samples)
  const q = sum(square(sub(a, b)), { axes: a.shape.flatMap((_, axis) => (axis === 0 ? [] : [axis])) })
  // q/(sqrt(q + c^2) + c): the difference of the definition cancels in float32 when a is near b.
  return mean(div(q, add(sqrt(add(q, c * c)), c)))
}

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

/** Parses a UNet's configuration and records its parameters. */
export function traceUNet(set: ParameterSet, json: object, file: string): { config: UNetConfig; set: ParameterSet } {
  const config = parseUNetConfig(json, file)
  recordUNet(set, config)
  return { config, set }
}

/** Runs the model once, for the weights to know their parameters. */
export function recordUNet(w: Weights, config: UNetConfig): void {
  const side = 2 ** (config.down.length - 1)
  unet(w, config, {
    sample: input('sample', [1, 1, config.inChannels, side, side]),
    timestep: input('timestep', [1]),
    context: input('context', [1, 1, config.down[0]!.contextWidth]),
    addedTimeIds: input('addedTimeIds', [1, 3]),
  })
}

/** The denoiser D(x; sigma) as a graph of its own, for sampling: inputs `x`, `sigma` and the conditions. */
export function denoiserGraph(w: Weights, config: UNetConfig, batch: LatentBatch): Record<string, Tensor> {
  const x = input('x', [batch.videos, batch.frames, config.outChannels, batch.height, batch.width])
  return { denoised: denoise(w, config, x, input('sigma', [batch.videos]), conditionInputs(config, batch)) }
}
