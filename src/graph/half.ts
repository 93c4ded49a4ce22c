import { topologicalOrder } from './gradients.js'
import { type Op } from './op.js'
import { leafName } from './ops/leaves.js'
import { cast } from './ops/select.js'
import { Tensor, type DType } from './tensor.js'

/**
 * The same outputs, computed in half precision where that is safe: products take and give float16, norms, sums and
 * angles float32, and the rest what reaches it. Inputs and outputs keep their types, so that nobody who runs the graph
 * sees a difference but in the last digits. For inference: gradients want float32 all through.
 */
export function inHalf(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const rebuilt = new Map<Tensor, Tensor>()
  const weights = new Set<Tensor>()
  const casts = { float16: new Map<Tensor, Tensor>(), float32: new Map<Tensor, Tensor>() }

  const to = (tensor: Tensor, dtype: 'float16' | 'float32'): Tensor => {
    if (tensor.dtype === dtype || !isFloat(tensor)) return tensor
    const known = casts[dtype].get(tensor)
    if (known) return known
    // A weight is best converted before it is reshaped: where it is stored in half precision, it is then used as it
    // lies.
    const reshaped = weights.has(tensor) && tensor.op.name === 'reshape'
    const made = reshaped ? apply(tensor, [to(tensor.inputs[0]!, dtype)]) : cast(tensor, dtype)
    casts[dtype].set(tensor, made)
    return made
  }

  for (const node of topologicalOrder(Object.values(outputs))) {
    const inputs = node.inputs.map((input) => rebuilt.get(input)!)
    const given = leafName(node) !== undefined || node.op.name === 'constant'
    const isWeight = given ? !isInput(node) : inputs.every((input) => weights.has(input))
    const half = inputs.some((input) => input.dtype === 'float16' && !weights.has(input))
    const dtype = precisionOf(node.op, half && !isWeight)
    // What is computed of weights alone stays as it is: it takes no time, and is converted where it is used.
    const typed = isWeight || node.op.name === 'cast' ? inputs : inputs.map((input) => to(input, dtype))
    const same = typed.every((input, i) => input === node.inputs[i])
    const made = same ? node : apply(node, typed)
    rebuilt.set(node, made)
    if (isWeight) weights.add(made)
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, y]) => [name, to(rebuilt.get(y)!, 'float32')]))
}

const isFloat = ({ dtype }: { readonly dtype: DType }) => dtype === 'float32' || dtype === 'float16'

const isInput = (tensor: Tensor) => tensor.op.name === 'input'

function precisionOf({ cost: { kind } }: Op, reached: boolean): 'float16' | 'float32' {
  if (kind === 'product') return 'float16'
  return reached && kind !== 'full' ? 'float16' : 'float32'
}

/** The op of a tensor on other inputs. */
function apply({ op, attributes, origin }: Tensor, inputs: readonly Tensor[]): Tensor {
  const { shape, dtype } = op.infer(inputs, attributes)
  return new Tensor(op, inputs, attributes, shape, dtype, origin)
}
