import { add, attention, reshape, transpose } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'
import { groupNorm, linear } from '../../nn/layers.js'
import { type Weights } from '../../nn/weights.js'

/** The VAE's attention: over all pixels of x (n, c, h, w), one head as wide as the channels, biases everywhere. */
export function pixelAttention(w: Weights, x: Tensor, groups: number): Tensor {
  const [n, c, height, width] = x.shape as [number, number, number, number]
  const tokens = transpose(reshape(groupNorm(w.at('group_norm'), x, 1e-6, groups), [n, c, height * width]), [0, 2, 1])
  const project = (name: string) => linear(w.at(name), tokens, c)
  const mixed = attention(project('to_q'), project('to_k'), project('to_v'), 1)
  return add(x, reshape(transpose(linear(w.at('to_out').at(0), mixed, c), [0, 2, 1]), x.shape))
}
