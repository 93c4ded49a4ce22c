import {
  add,
  constant,
  conv,
  groupNorm,
  mul,
  reshape,
  silu,
  sum,
  transpose,
  type ConvOptions,
} from '../../graph/ops/index.js'
import { dim, type Tensor } from '../../graph/tensor.js'
import { sinusoid } from '../../nn/embedding.js'
import { linear } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'

/** Which heads a discriminator has (PAPER table 2). */
export type HeadKind = 'spatial' | 'temporal' | 'both'

/** Size of the heads. */
export interface HeadsConfig {
  readonly heads: HeadKind
  /** Channels inside a head. */
  readonly width: number
  /** Length of the conditioning map that the condition is projected on. */
  readonly projection: number
}

/** What the heads are conditioned on. */
export interface HeadCondition {
  readonly frames: number
  /** (b, t, d): image tokens. */
  readonly context: Tensor
  /** (b): c_noise of the noise level s' that the discriminator sees. */
  readonly noise: Tensor
}

/** torch-style convolution with a kernel of the given spatial shape. */
function convolve(w: Weights, x: Tensor, out: number, kernel: readonly number[], options: ConvOptions = {}): Tensor {
  return conv(x, w.get('weight', [out, dim(x, 1), ...kernel]), w.get('bias', [out]), options)
}

function norm(w: Weights, x: Tensor): Tensor {
  return groupNorm(x, w.get('weight', [dim(x, 1)]), w.get('bias', [dim(x, 1)]), 8, 1e-5)
}

/** Condition vectors (b, frames, projection) from image embedding, noise level and frame index. */
function condition(w: Weights, { width, projection }: HeadsConfig, { frames, context, noise }: HeadCondition): Tensor {
  const b = dim(context, 0)
  const first = linear(w.at('image'), reshape(context, [b, -1]), width)
  // c_noise spans about -1.5 to 1.6; a hundredfold, it turns all of the sinusoids.
  const level = linear(w.at('noise'), sinusoid(mul(noise, 100), width), width)
  const index = constant(
    Float32Array.from({ length: frames }, (_, i) => i),
    [frames],
  )
  const position = linear(w.at('frame'), sinusoid(index, width), width)
  const mixed = add(reshape(add(first, level), [b, 1, width]), reshape(position, [1, frames, width]))
  return linear(w.at('out'), silu(mixed), projection)
}

/**
 * Layers of a head on x (n, c, ...): 1x1 convolution, one residual convolution block, 1x1 convolution to a map (n,
 * projection, ...). The paper names the conditioning and the convolutions' dimensions and leaves the layers open; these
 * follow the heads of Projected GAN and StyleGAN-T, but for SiLU in place of the leaky ReLU: R1 is a function of the
 * head's slope, which a leaky ReLU changes in jumps that no gradient by the weights tells of.
 */
function map(w: Weights, x: Tensor, { width, projection }: HeadsConfig, kernel: number): Tensor {
  const axes = x.rank - 2
  const sized = (n: number) => Array<number>(axes).fill(n)
  const h = silu(norm(w.at('norm_in'), convolve(w.at('conv_in'), x, width, sized(1))))
  const residual = convolve(w.at('conv'), h, width, sized(kernel), { padding: (kernel - 1) / 2 })
  const mixed = mul(add(h, silu(norm(w.at('norm'), residual))), Math.SQRT1_2)
  return convolve(w.at('conv_out'), mixed, projection, sized(1))
}

/**
 * Projection discriminator (Miyato & Koyama 2018): inner product of map and condition over the channels, axis `axis`,
 * divided by the root of their number.
 */
function project(mapped: Tensor, vector: Tensor, axis: number): Tensor {
  return mul(sum(mul(mapped, vector), { axes: [axis] }), 1 / Math.sqrt(dim(mapped, axis)))
}

/** Logits of one spatial head: features (b f, c, h, w) -> (b f, h, w); each frame on its own, 2-D convolutions. */
export function spatialHead(w: Weights, x: Tensor, config: HeadsConfig, conditions: HeadCondition): Tensor {
  const vector = condition(w.at('condition'), config, conditions)
  return project(map(w, x, config, 3), reshape(vector, [dim(x, 0), config.projection, 1, 1]), 1)
}

/**
 * Logits of one temporal head: features (b f, c, h, w) -> (b h w, f); each pixel on its own, 1-D convolutions in time.
 */
export function temporalHead(w: Weights, x: Tensor, config: HeadsConfig, conditions: HeadCondition): Tensor {
  const { frames } = conditions
  const [n, c, height, width] = x.shape as [number, number, number, number]
  const [videos, pixels] = [n / frames, height * width]
  const inTime = reshape(transpose(reshape(x, [videos, frames, c, pixels]), [0, 3, 2, 1]), [videos * pixels, c, frames])
  const vector = condition(w.at('condition'), config, conditions)
  const byTime = reshape(transpose(vector, [0, 2, 1]), [videos, 1, config.projection, frames])
  const mapped = reshape(map(w, inTime, config, 3), [videos, pixels, config.projection, frames])
  return reshape(project(mapped, byTime, 2), [videos * pixels, frames])
}

/**
 * SF-V's discriminator on the features of the frozen encoder (PAPER section 2): after each block a spatial and a
 * temporal head. Returns the logits of every head; the objective averages them over positions and heads.
 */
export function discriminatorHeads(
  w: Weights,
  features: readonly Tensor[],
  config: HeadsConfig,
  conditions: HeadCondition,
): Tensor[] {
  return features.flatMap((x, i) => {
    const spatial = () => spatialHead(w.at('spatial').at(i), x, config, conditions)
    const temporal = () => temporalHead(w.at('temporal').at(i), x, config, conditions)
    if (config.heads === 'both') return [spatial(), temporal()]
    return [config.heads === 'spatial' ? spatial() : temporal()]
  })
}
