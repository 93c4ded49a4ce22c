import { add, div, mean, sqrt, square, sub, sum } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'

/** mean_x PseudoHuber(a, b) = sqrt(|a - b|^2 + c^2) - c over samples (b, ...), c = 0.00054 sqrt(dim) (PAPER eq. 9). */
export function pseudoHuber(a: Tensor, b: Tensor): Tensor {
  const samples = a.shape[0]!
  const c = 0.00054 * Math.sqrt(a.size / samples)
  const q = sum(square(sub(a, b)), { axes: a.shape.flatMap((_, axis) => (axis === 0 ? [] : [axis])) })
  // q/(sqrt(q + c^2) + c): the difference of the definition cancels in float32 when a is near b.
  return mean(div(q, add(sqrt(add(q, c * c)), c)))
}
