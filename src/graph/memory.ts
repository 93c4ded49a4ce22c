import { topologicalOrder } from './gradients.js'
import { isParameter, leafName } from './ops/leaves.js'
import { type Tensor } from './tensor.js'

const BYTES = 4

/** What is counted of a graph that is computed in some order. */
interface Counting {
  /** Whether a value takes memory of its own. */
  readonly counts: (node: Tensor) => boolean
  /** Values that live to the end. */
  readonly kept: readonly Tensor[]
  /** Elements that an op holds while it runs, beside its inputs and its result. */
  readonly scratch: (node: Tensor) => number
}

/** The most bytes that are alive at once: every value lives from where it is made to its last use. */
function mostAlive(order: readonly Tensor[], { counts, kept, scratch }: Counting): number {
  const owner = new Map<Tensor, Tensor>()
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, step) => {
    const viewed = node.op.cost.kind === 'view' ? owner.get(node.inputs[0]!) : undefined
    owner.set(node, viewed ?? node)
    for (const used of [node, ...node.inputs]) if (owner.has(used)) lastUse.set(owner.get(used)!, step)
  })
  for (const node of kept) lastUse.set(owner.get(node)!, order.length)

  const freedAfter = new Map<number, number>()
  let [held, most] = [0, 0]
  order.forEach((node, step) => {
    if (owner.get(node) === node && counts(node)) {
      held += node.size
      const last = lastUse.get(node)!
      freedAfter.set(last, (freedAfter.get(last) ?? 0) + node.size)
    }
    most = Math.max(most, held + scratch(node))
    held -= freedAfter.get(step) ?? 0
  })
  return most * BYTES
}

/** What a lean program's op holds while it runs. */
function leanScratch(output: Tensor): number {
  const { op, inputs, attributes } = output
  const own = op.cost.scratch?.({ output, inputs, attributes }) ?? 0
  // Weights are converted as they are used.
  return inputs.reduce((sum, input) => sum + (isParameter(input) ? input.size : 0), own)
}

/**
 * The most memory, in bytes, that a lean program of the outputs (`LoweredGraph.lean`) holds for activations, with what
 * an op needs while it runs. Weights are not counted, but for their conversion.
 */
export function activationBytes(outputs: readonly Tensor[]): number {
  const order = topologicalOrder(outputs).filter((node) => !isParameter(node))
  return mostAlive(order, { counts: () => true, kept: outputs, scratch: leanScratch })
}

/**
 * The most bytes of intermediate values that are alive at once when the outputs are computed in the order in which
 * their tensors were made: forward, then backward with each weight's gradient as soon as it can be had. What is given
 * (inputs, parameters, constants) and the outputs themselves are not counted.
 */
export function liveBytes(outputs: readonly Tensor[]): number {
  const results = new Set(outputs)
  const counts = (node: Tensor) => leafName(node) === undefined && node.op.name !== 'constant' && !results.has(node)
  const order = topologicalOrder(outputs).sort((a, b) => a.id - b.id)
  return mostAlive(order, { counts, kept: [], scratch: () => 0 })
}
