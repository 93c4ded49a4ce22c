import { constant, concat, cos, mul, reshape, silu, sin } from '../graph/ops/index.js'
import { type Tensor } from '../graph/tensor.js'
import { linear } from './layers.js'
import { type Weights } from './weights.js'

/**
 * Sinusoids of x (n) -> (n, width): frequencies 10000^(-i/half), cosines first (diffusers `Timesteps` with
 * flip_sin_to_cos and no frequency shift, as SVD uses it for time, micro-conditioning and the frame index).
 */
export function sinusoid(x: Tensor, width: number): Tensor {
  const half = width / 2
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10000) * i) / half))
  const angles = mul(reshape(x, [-1, 1]), constant(frequencies, [1, half]))
  return concat([cos(angles), sin(angles)], 1)
}

/** diffusers `TimestepEmbedding`: linear_2(silu(linear_1(x))), x (n, in) -> (n, out). */
export function timestepEmbedding(w: Weights, x: Tensor, hidden: number, out: number): Tensor {
  return linear(w.at('linear_2'), silu(linear(w.at('linear_1'), x, hidden)), out)
}
