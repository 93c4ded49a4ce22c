import { topologicalOrder } from './gradients.js'
import { isParameter, leafName } from './ops/leaves.js'
import { type Tensor } from './tensor.js'

/** Ops whose result shares the memory of their first input. */
const VIEWS = new Set(['reshape', 'rematerialised', 'stopGradient'])
/** Ops that may write their result over their first input, where nothing else needs it. */
const IN_PLACE = new Set(['add', 'sub', 'mul', 'div', 'silu', 'sigmoid', 'exp', 'neg', 'sqrt', 'tanh'])
const BYTES = 4

/** Memory that an op needs beside its inputs and its result, in values. */
function scratch(node: Tensor): number {
  // Queries, keys and values with their heads apart; the product in that layout is written over the queries.
  if (node.op.name === 'attention') return node.inputs.reduce((sum, { size }) => sum + size, 0)
  // The weight in the type that is computed in.
  return node.inputs.reduce((sum, input) => sum + (isParameter(input) ? input.size : 0), 0)
}

/** A block of memory and the steps between which it is held. */
interface Block {
  readonly size: number
  readonly from: number
  to: number
}

/**
 * The most memory, in bytes, that computing the outputs once takes for activations when every buffer is freed after its last
 * use, and used again for a tensor of the same size before that where there is one (as ONNX Runtime plans it). Weights
 * are not counted, but their conversion is, one op's at a time. An estimate: docs/benchmarks.md compares it.
 */
export function activationBytes(outputs: readonly Tensor[]): number {
  const order = topologicalOrder(outputs).filter((node) => !isParameter(node))
  const owner = new Map<Tensor, Tensor>()
  const lastUse = new Map<Tensor, number>()
  order.forEach((node, step) => {
    const source = VIEWS.has(node.op.name) ? owner.get(node.inputs[0]!) : undefined
    owner.set(node, source ?? node)
    lastUse.set(owner.get(node)!, step)
    for (const input of node.inputs) if (owner.has(input)) lastUse.set(owner.get(input)!, step)
  })
  for (const output of outputs) lastUse.set(owner.get(output)!, order.length)

  const blocks: Block[] = []
  const blockOf = new Map<Tensor, Block>()
  const free = new Map<number, Block[]>()
  const ending = new Map<number, Tensor[]>()
  const needed = order.map((node, step) => {
    if (owner.get(node) === node) {
      const [first] = node.inputs
      const over = first && owner.get(first)
      const inPlace =
        over !== undefined &&
        IN_PLACE.has(node.op.name) &&
        over.size === node.size &&
        lastUse.get(over) === step &&
        leafName(over) === undefined
      const block = (inPlace ? blockOf.get(over) : free.get(node.size)?.pop()) ?? newBlock(node.size, step)
      blockOf.set(node, block)
      const end = lastUse.get(node)!
      block.to = end
      ending.set(end, [...(ending.get(end) ?? []), node])
    }
    for (const done of ending.get(step) ?? []) {
      const block = blockOf.get(done)!
      // A block that was written over lives on.
      if (block.to === step) free.set(block.size, [...(free.get(block.size) ?? []), block])
    }
    return scratch(node)
  })

  function newBlock(size: number, from: number): Block {
    const block = { size, from, to: from }
    blocks.push(block)
    return block
  }
  const held = new Float64Array(order.length + 2)
  for (const { size, from, to } of blocks) {
    held[from]! += size
    held[to + 1]! -= size
  }
  let now = 0
  let most = 0
  needed.forEach((extra, step) => {
    now += held[step]!
    most = Math.max(most, now + extra)
  })
  return most * BYTES
}
