import {
  abs,
  add,
  concat,
  groupNorm,
  log,
  mean,
  mul,
  reshape,
  silu,
  slice,
  sub,
  transpose,
} from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { conv2d, linear, temporalConv } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'
import { type VideoFeaturesConfig } from './config.js'

const EPSILON = 1e-5

/** What the network says of clips. */
export interface VideoFeaturesOutput {
  /** (n, features): what distances between sets of clips are taken in. */
  readonly features: Tensor
  /** (n, projection): for the contrastive objective alone. */
  readonly projection: Tensor
  /** (n, flaws): the estimated strength of each flaw, 0 for none to 1. */
  readonly flaws: Tensor
}

/**
 * This project's small video network, which Frechet distances are taken in where no Kinetics network is at hand.
 * Squares of pixels become channels; each block is a 3x3 convolution in space and one of 3 taps in time (Tran et al.
 * 2018, "(2+1)D"). Of every block, before its norm removes how strong a signal is, the logarithms of the mean size and
 * of the mean change from frame to frame are kept, and of the last one the means: what is seen, how sharp, and how it
 * moves. Two linear layers make features of them. Both heads are linear, so that the features must hold what the heads
 * are trained on.
 *
 * @param clips (n, frames, 3, imageSize, imageSize) in [-1, 1]
 */
export function videoFeatures(w: Weights, config: VideoFeaturesConfig, clips: Tensor): VideoFeaturesOutput {
  const [n, frames, channels, side] = clips.shape as [number, number, number, number]
  let x = patches(reshape(clips, [n * frames, channels, side, side]), config.patch)
  const kept: Tensor[] = []
  for (const index of config.widths.keys()) {
    const { inTime, out } = block(w.at('blocks').at(index), x, frames, index, config)
    const change = sub(slice(inTime, 2, 1, frames), slice(inTime, 2, 0, frames - 1))
    kept.push(logSize(inTime), logSize(change))
    x = out
  }
  const last = reshape(x, [n, frames, dim(x, 1), -1])
  const hidden = silu(linear(w.at('hidden'), concat([...kept, mean(last, { axes: [1, 3] })], 1), 2 * config.features))
  const features = linear(w.at('features'), hidden, config.features)
  return {
    features,
    projection: linear(w.at('projection'), features, config.projection),
    flaws: linear(w.at('flaws'), features, config.flaws.length),
  }
}

/**
 * ln of the mean of |x| (n, c, f, pixels) for each channel: (n, c). The offset is a signal of one grey level, roughly.
 */
function logSize(x: Tensor): Tensor {
  return mul(add(log(add(mean(abs(x), { axes: [2, 3] }), 0.01)), 2), 0.5)
}

/** x (n, c, h, w) -> (n, c p p, h/p, w/p): each square of p x p pixels as channels. */
function patches(x: Tensor, p: number): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  const split = transpose(reshape(x, [n, c, h / p, p, w / p, p]), [0, 1, 3, 5, 2, 4])
  return reshape(split, [n, c * p * p, h / p, w / p])
}

/**
 * x (n f, in, h, w) -> `out` (n f, width, h/stride, w/stride), and what the norms are applied to, `inTime` (n, width,
 * f, pixels). The first block, the stem, mixes the pixels of a patch alone.
 */
function block(
  w: Weights,
  x: Tensor,
  frames: number,
  index: number,
  { widths, strides, groups }: VideoFeaturesConfig,
): { inTime: Tensor; out: Tensor } {
  const [width, stride] = [widths[index]!, strides[index]!]
  const spatial =
    index === 0 ? conv2d(w.at('spatial'), x, width, 1) : conv2d(w.at('spatial'), x, width, 3, { padding: 1, stride })
  const [rows, , height, breadth] = spatial.shape as [number, number, number, number]
  const swap = [0, 2, 1, 3]
  const inTime = transpose(reshape(spatial, [rows / frames, frames, width, height * breadth]), swap)
  const norm = (name: string, of: Tensor) => {
    const at = w.at(name)
    return silu(groupNorm(of, at.get('weight', [width]), at.get('bias', [width]), groups, EPSILON))
  }
  const h = add(inTime, temporalConv(w.at('temporal'), norm('norm1', inTime), width))
  const out = reshape(transpose(norm('norm2', h), swap), spatial.shape)
  return { inTime, out: stride === 1 && dim(x, 1) === width ? add(x, out) : out }
}
