import { leafName } from '../../graph/ops/leaves.js'
import { topologicalOrder } from '../../graph/gradients.js'
import { type Tensor } from '../../graph/tensor.js'

/** Ops whose result shares its input's memory. */
const VIEWS = new Set(['reshape', 'stopGradient'])
const BYTES = 4

/** Whether a value is fed, or part of the graph. */
const isGiven = (node: Tensor) => leafName(node) !== undefined || node.op.name === 'constant'

/**
 * The most bytes of intermediate values that are alive at once when the outputs are computed in the order in which their
 * tensors were made: forward, then backward with each weight's gradient as soon as it can be had. Every value lives from
 * where it is made to its last use. What is given (inputs, parameters, constants) and the outputs themselves are not counted.
 */
export function liveBytes(outputs: readonly Tensor[]): number {
  const kept = new Set(outputs)
  const order = topologicalOrder(outputs).sort((a, b) => a.id - b.id)
  const owner = new Map<Tensor, Tensor>()
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, at) => {
    const viewed = VIEWS.has(node.op.name) ? owner.get(node.inputs[0]!) : undefined
    owner.set(node, viewed ?? node)
    for (const used of [node, ...node.inputs]) lastUse.set(owner.get(used)!, at)
  })
  const freed = new Map<number, number>()
  let [held, most] = [0, 0]
  order.forEach((node, at) => {
    if (owner.get(node) === node && !isGiven(node) && !kept.has(node)) {
      held += node.size
      const last = lastUse.get(node)!
      freed.set(last, (freed.get(last) ?? 0) + node.size)
    }
    most = Math.max(most, held)
    held -= freed.get(at) ?? 0
  })
  return most * BYTES
}
