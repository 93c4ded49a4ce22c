import { topologicalOrder } from './gradients.js'
import type { Tensor } from './tensor.js'

/** Multiply-adds of a tensor from its inputs, where it is a product of matrices in some form. */
function multiplyAdds(tensor: Tensor): number {
  const [a, b] = tensor.inputs as [Tensor, Tensor]
  switch (tensor.op.name) {
    case 'conv':
      return tensor.size * (b.size / b.shape[0]!)
    case 'convInputGrad':
      return a.size * (b.size / b.shape[0]!)
    case 'convWeightGrad':
      return b.size * (tensor.size / tensor.shape[0]!)
    case 'linear':
      return tensor.size * b.shape[1]!
    case 'matmul': {
      const { transA } = tensor.attributes as { transA: boolean }
      return tensor.size * a.shape.at(transA ? -2 : -1)!
    }
    case 'attention':
      // q kᵀ and p v: (s, t) products of the width, for every batch.
      return 2 * a.size * b.shape[1]!
    default:
      return 0
  }
}

/**
 * Floating-point operations of computing the outputs once, two for each multiply-add of convolutions, matrix products
 * and attention, gradients included. Elementwise work is not counted, as is usual.
 */
export function countFlops(outputs: readonly Tensor[]): number {
  return topologicalOrder(outputs).reduce((total, tensor) => total + 2 * multiplyAdds(tensor), 0)
}
