import { topologicalOrder } from './gradients.js'
import { isParameter } from './ops/leaves.js'
import { type Tensor } from './tensor.js'

/** Ops whose result shares the memory of their first input. */
const VIEWS = new Set(['reshape', 'stopGradient'])
const BYTES = 4

/** Values that an op holds while it runs, beside its inputs and its result. */
function scratch({ op, inputs, size }: Tensor): number {
  // Queries, keys and values with their heads apart.
  if (op.name === 'attention') return inputs.reduce((sum, input) => sum + input.size, 0)
  // Normalisation, scale and shift each make a value of their own.
  const steps = op.name === 'groupNorm' ? size : 0
  // Weights are converted as they are used.
  return inputs.reduce((sum, input) => sum + (isParameter(input) ? input.size : 0), steps)
}

/**
 * The most memory, in bytes, that a lean program of the outputs (`LoweredGraph.lean`) holds for activations: every value from
 * where it is made to its last use, and what an op needs while it runs. Weights are not counted, but for their
 * conversion.
 */
export function activationBytes(outputs: readonly Tensor[]): number {
  const order = topologicalOrder(outputs).filter((node) => !isParameter(node))
  const owner = new Map<Tensor, Tensor>()
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, step) => {
    const viewed = VIEWS.has(node.op.name) ? owner.get(node.inputs[0]!) : undefined
    owner.set(node, viewed ?? node)
    for (const used of [node, ...node.inputs]) if (owner.has(used)) lastUse.set(owner.get(used)!, step)
  })
  for (const output of outputs) lastUse.set(owner.get(output)!, order.length)

  const freedAfter = new Map<number, number>()
  let held = 0
  let most = 0
  order.forEach((node, step) => {
    if (owner.get(node) === node) {
      held += node.size
      const last = lastUse.get(node)!
      freedAfter.set(last, (freedAfter.get(last) ?? 0) + node.size)
    }
    most = Math.max(most, held + scratch(node))
    held -= freedAfter.get(step) ?? 0
  })
  return most * BYTES
}
