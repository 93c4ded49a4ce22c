import { maximum, pad, reshape, slice } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'

/** TensorFlow's "SAME" padding of an axis, which depends on its size: zeros before it, and after it the rest. */
export function samePadding(size: number, kernel: number, stride: number): [before: number, after: number] {
  const last = size % stride === 0 ? stride : size % stride
  const total = Math.max(kernel - last, 0)
  return [Math.floor(total / 2), Math.ceil(total / 2)]
}

/**
 * Max-pooling of x (n, c, ...) with "SAME" padding by zeros, axis after axis: x must not be negative, as after a ReLU.
 * Sizes become ceil(size / stride).
 */
export function maxPoolSame(x: Tensor, kernel: readonly number[], strides: readonly number[]): Tensor {
  return kernel.reduce((pooled, length, i) => maxPoolAxis(pooled, i + 2, length, strides[i]!), x)
}

function maxPoolAxis(x: Tensor, axis: number, kernel: number, stride: number): Tensor {
  if (kernel === 1 && stride === 1) return x
  const size = x.shape[axis]!
  const count = Math.ceil(size / stride)
  const [before] = samePadding(size, kernel, stride)
  // Room for every tap to be cut into `count` groups of `stride`, the first of which it takes.
  const padded = pad(x, axis, before, Math.max(0, kernel - 1 + count * stride - before - size))
  const taps = Array.from({ length: kernel }, (_, tap) => {
    const window = slice(padded, axis, tap, tap + count * stride)
    if (stride === 1) return window
    const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)]
    const groups = reshape(window, [...outer, count, stride, ...inner])
    return reshape(slice(groups, axis + 1, 0, 1), [...outer, count, ...inner])
  })
  return taps.reduce((largest, tap) => maximum(largest, tap))
}
