import { topologicalOrder } from './gradients.js'
import type { Tensor } from './tensor.js'

/**
 * Floating-point operations of computing the outputs once, two for each multiply-add of convolutions, matrix products
 * and attention, gradients included. Elementwise work is not counted, as is usual.
 */
export function countFlops(outputs: readonly Tensor[]): number {
  return topologicalOrder(outputs).reduce((total, output) => {
    const { op, inputs, attributes } = output
    return op.cost.kind === 'product' ? total + 2 * op.cost.multiplyAdds({ output, inputs, attributes }) : total
  }, 0)
}
