import {
  add,
  constant,
  div,
  exp,
  log,
  matmul,
  max,
  mean,
  mul,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
} from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'

/**
 * Symmetric InfoNCE (van den Oord et al. 2018, as CLIP has it) over cosine similarities of a (n, c) and b (n, c), shape
 * []: row i of one belongs to row i of the other.
 */
export function informationNoiseContrast(a: Tensor, b: Tensor, temperature: number): Tensor {
  const pairs = a.shape[0]!
  const similarity = matmul(unit(a), unit(b), { transB: true, alpha: 1 / temperature })
  const diagonal = constant(
    Float32Array.from({ length: pairs ** 2 }, (_, i) => Number(i % (pairs + 1) === 0)),
    [pairs, pairs],
  )
  const matched = mean(sum(mul(similarity, diagonal), { axes: [1] }))
  const losses = [0, 1].map((axis) => sub(mean(logSumExp(similarity, axis)), matched))
  return mul(add(losses[0]!, losses[1]!), 0.5)
}

/** x (n, c) scaled to unit length. */
function unit(x: Tensor): Tensor {
  return div(x, sqrt(add(sum(square(x), { axes: [1], keepAxes: true }), 1e-6)))
}

/** log sum e^x along an axis, which goes away. */
function logSumExp(x: Tensor, axis: number): Tensor {
  const peak = stopGradient(max(x, { axes: [axis], keepAxes: true }))
  const total = log(sum(exp(sub(x, peak)), { axes: [axis], keepAxes: true }))
  return sum(add(total, peak), { axes: [axis] })
}
