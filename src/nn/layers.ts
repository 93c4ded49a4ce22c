import * as ops from '../graph/ops/index.js'
import { dim, type Tensor } from '../graph/tensor.js'
import { type Weights } from './weights.js'

/** torch.nn.Linear: x (..., in) -> (..., out). */
export function linear(w: Weights, x: Tensor, out: number, options: { bias?: boolean } = {}): Tensor {
  const weight = w.get('weight', [out, dim(x, -1)])
  return ops.linear(x, weight, options.bias === false ? undefined : w.get('bias', [out]))
}

/** torch.nn.Conv2d with a square kernel: x (n, in, h, w) -> (n, out, h', w'). */
export function conv2d(
  w: Weights,
  x: Tensor,
  out: number,
  kernel: number,
  options: ops.ConvOptions & { bias?: boolean } = {},
): Tensor {
  const weight = w.get('weight', [out, dim(x, 1), kernel, kernel])
  return ops.conv(x, weight, options.bias === false ? undefined : w.get('bias', [out]), options)
}

/**
 * torch.nn.Conv3d with kernel (3, 1, 1) and zero padding 1 in time, on x (b, c, f, pixels) -> (b, out, f, pixels). As a
 * two-dimensional convolution it is the faster of the two (docs/benchmarks.md).
 */
export function temporalConv(w: Weights, x: Tensor, out: number): Tensor {
  const weight = w.get('weight', [out, dim(x, 1), 3, 1, 1])
  return ops.conv(x, ops.reshape(weight, [out, dim(x, 1), 3, 1]), w.get('bias', [out]), { padding: [1, 0] })
}

/** torch.nn.GroupNorm, of 32 groups as every one in SVD: x (n, c, ...). */
export function groupNorm(w: Weights, x: Tensor, epsilon: number, groups = 32): Tensor {
  const channels = [dim(x, 1)]
  return ops.groupNorm(x, w.get('weight', channels), w.get('bias', channels), groups, epsilon)
}

/** torch.nn.LayerNorm over the last axis, epsilon 1e-5 as every one in SVD. */
export function layerNorm(w: Weights, x: Tensor, epsilon = 1e-5): Tensor {
  const channels = [dim(x, -1)]
  return ops.layerNorm(x, w.get('weight', channels), w.get('bias', channels), epsilon)
}
