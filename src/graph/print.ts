import { topologicalOrder } from './gradients.js'
import { leafName } from './ops/leaves.js'
import { type Tensor } from './tensor.js'

/**
 * The graph that `outputs` need, one tensor a line in the order of computation:
 *
 *     %0 float32[2,3] = input x
 *     %1 float32[4,3] = parameter fc.weight
 *     %2 float32[2,4] = linear(%0, %1)
 *     %3 float32[1,4] = sum(%2) axes=[0]
 *     return out=%3
 */
export function printGraph(outputs: Readonly<Record<string, Tensor>>): string {
  const order = topologicalOrder(Object.values(outputs))
  const labels = new Map(order.map((tensor, i) => [tensor, `%${i}`]))
  const lines = order.map((tensor) => {
    const type = `${tensor.dtype}[${tensor.shape.join(',')}]`
    return `${labels.get(tensor)!} ${type} = ${definition(tensor, labels)}`
  })
  const results = Object.entries(outputs).map(([name, tensor]) => `${name}=${labels.get(tensor)!}`)
  return [...lines, `return ${results.join(', ')}`].join('\n')
}

function definition(tensor: Tensor, labels: ReadonlyMap<Tensor, string>): string {
  const name = leafName(tensor)
  if (name !== undefined) return `${tensor.op.name} ${name}`
  const inputs = tensor.inputs.map((input) => labels.get(input)!).join(', ')
  // The result's shape stands in front, and a function has no short form.
  const attributes = Object.entries(tensor.attributes).filter(
    ([key, value]) => key !== 'shape' && typeof value !== 'function',
  )
  return [`${tensor.op.name}(${inputs})`, ...attributes.map(([key, value]) => `${key}=${short(value)}`)].join(' ')
}

/** Lists of more than eight entries show the first four. */
function short(value: unknown): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return String(value)
  const list = Array.from(value as unknown as Iterable<unknown>, String)
  const shown = list.length > 8 ? [...list.slice(0, 4), `... ${list.length} values`] : list
  return `[${shown.join(',')}]`
}
