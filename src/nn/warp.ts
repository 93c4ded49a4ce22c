import * as ops from '../graph/ops/index.js'
import { dim, type Tensor } from '../graph/tensor.js'

/**
 * The four pixels that a bilinear sample lies between, side by side: x (n, c, h, w) -> (n h w, 4 c), row (y, x) holding
 * the pixels (y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1). Rows of the last line and column are never whole.
 */
export function bilinearCorners(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  const pixels = ops.transpose(x, [0, 2, 3, 1])
  const next = (from: Tensor, axis: number) => ops.pad(ops.slice(from, axis, 1, dim(from, axis)), axis, 0, 1)
  const right = next(pixels, 2)
  const corners = ops.concat([pixels, right, next(pixels, 1), next(right, 1)], -1)
  return ops.reshape(corners, [n * h * w, 4 * c])
}

/**
 * Samples pictures where flows point to, bilinearly; beyond an edge lies the edge. A composite of `gather`, which every
 * execution provider has; `GridSample` is missing on WebGPU.
 *
 * @param corners `bilinearCorners` of pictures (n, c, h, w)
 * @param flow (m, 2, h, w), m a multiple of n, those of one picture together: right and down, in pixels of the picture
 * @returns (m, h w, c)
 */
export function warp(corners: Tensor, flow: Tensor): Tensor {
  const [m, , h, w] = flow.shape as [number, number, number, number]
  const pictures = dim(corners, 0) / (h * w)
  const along = (axis: number, size: number, own: Tensor) => {
    const place = ops.add(ops.reshape(ops.slice(flow, 1, axis, axis + 1), [m, h, w]), own)
    // A hair short of the last pixel, so that both neighbours of a sample exist.
    const inside = ops.minimum(ops.maximum(place, 0), size - 1 - EDGE)
    const first = ops.floor(inside)
    return { first, share: ops.sub(inside, first) }
  }
  const count = (size: number) => Float32Array.from({ length: size }, (_, i) => i)
  const x = along(0, w, ops.constant(count(w), [1, 1, w]))
  const y = along(1, h, ops.constant(count(h), [1, h, 1]))
  const start = Float32Array.from({ length: m }, (_, i) => Math.floor((i * pictures) / m) * h * w)
  const row = ops.add(ops.add(ops.mul(y.first, w), x.first), ops.constant(start, [m, 1, 1]))
  const rows = ops.gather(corners, ops.cast(ops.reshape(row, [-1]), 'int64'), 0)
  const [left, above] = [ops.sub(1, x.share), ops.sub(1, y.share)]
  const shares = [ops.mul(above, left), ops.mul(above, x.share), ops.mul(y.share, left), ops.mul(y.share, x.share)]
  const weights = ops.concat(
    shares.map((share) => ops.reshape(share, [m, h * w, 1])),
    -1,
  )
  const c = dim(corners, 1) / 4
  const weighted = ops.mul(ops.reshape(rows, [m, h * w, 4, c]), ops.reshape(weights, [m, h * w, 4, 1]))
  return ops.sum(weighted, { axes: [2] })
}

/** Pixels between the farthest sample and the edge. */
const EDGE = 1e-3

/** Enlarges x (n, c, h, w) by a whole factor, bilinearly, as torch's `interpolate` without `align_corners` does. */
export function upsampleBilinear(x: Tensor, factor: number): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  const across = ops.matmul(ops.reshape(x, [n * c, h, w]), interpolation(w, factor), { transB: true })
  const down = ops.matmul(interpolation(h, factor), across)
  return ops.reshape(down, [n, c, h * factor, w * factor])
}

/** The matrix (size factor, size) that interpolates a line linearly. */
function interpolation(size: number, factor: number): Tensor {
  const matrix = new Float32Array(size * factor * size)
  for (let i = 0; i < size * factor; i++) {
    const place = Math.min(size - 1, Math.max(0, (i + 0.5) / factor - 0.5))
    const first = Math.min(size - 1, Math.floor(place))
    const second = Math.min(size - 1, first + 1)
    matrix[i * size + first]! += 1 - (place - first)
    matrix[i * size + second]! += place - first
  }
  return ops.constant(matrix, [size * factor, size])
}

/** ONNX's DepthToSpace, CRD: x (n, c s s, h, w) -> (n, c, h s, w s). */
export function depthToSpace(x: Tensor, s: number): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  const split = ops.reshape(x, [n, c / (s * s), s, s, h, w])
  return ops.reshape(ops.transpose(split, [0, 1, 4, 2, 5, 3]), [n, c / (s * s), h * s, w * s])
}

/** Means of squares of `s` x `s` pixels: x (n, c, h, w) -> (n, c, h / s, w / s). */
export function averagePool(x: Tensor, s: number): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  const rows = ops.mean(ops.reshape(x, [n * c * (h / s), s, w]), { axes: [1] })
  return ops.reshape(ops.mean(ops.reshape(rows, [-1, s]), { axes: [1] }), [n, c, h / s, w / s])
}
