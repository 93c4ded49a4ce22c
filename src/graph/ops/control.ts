import { vectorJacobianProducts } from '../gradients.js'
import { defineOp } from '../op.js'
import { type Tensor } from '../tensor.js'
import { scalar } from './leaves.js'

const applyStop = defineOp<object>({
  name: 'stopGradient',
  cost: { kind: 'view' },
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  lower: (_, [x]) => x!,
})

/** The same values, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return applyStop([x], {})
}

const applyCopyAfter = defineOp<object>({
  name: 'copyAfter',
  cost: { kind: 'plain' },
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  vjp: ({ grad, inputs: [, ...after] }) => [() => grad, ...after.map(() => null)],
  // x + 0 max(after), for each of them: the runtime can neither compute it before the backward pass has come this far,
  // nor see that it is x and merge what follows with the first computation.
  lower: (emitter, [x, ...after], { output }) => {
    const largest = after.map((each) => emitter.node('ReduceMax', [each], { keepdims: 0 }))
    const total = largest.reduce((a, b) => emitter.node('Add', [a, b]))
    const wait = emitter.node('Mul', [total, emitter.scalar(0, output.dtype)])
    return emitter.node('Add', [x!, wait])
  },
})

type Block = (...inputs: Tensor[]) => Tensor

const applyRematerialise = defineOp<{ block: Block; count: number }>({
  name: 'rematerialise',
  cost: { kind: 'plain' },
  infer: ([y]) => ({ shape: y!.shape, dtype: y!.dtype }),
  vjp: ({ grad, inputs, attributes: { block, count } }) => {
    const [, ...sources] = inputs
    let parts: readonly Tensor[] | undefined
    const products = () => {
      const blockInputs = sources.slice(0, count).map((x) => applyCopyAfter([x, grad], {}))
      const again = block(...blockInputs)
      const all = vectorJacobianProducts([again], [grad], [...blockInputs, ...sources.slice(count)], { partial: true })
      // The backward pass goes on when the gradients of the parameters are there: left for later, they would keep the
      // values that were computed again.
      const captured = all.slice(count)
      if (captured.length === 0) return all
      return [...all.slice(0, count).map((x) => applyCopyAfter([x, ...captured], {})), ...captured]
    }
    return [null, ...sources.map((_, i) => () => (parts ??= products())[i]!)]
  },
  lower: (_, [y]) => y!,
})

/**
 * `block(...inputs)`, whose inner values are not kept for the gradient but computed again from its inputs when the
 * backward pass needs them: memory for time. Parameters and tensors made earlier that the block uses without being
 * given them get their gradients as usual.
 */
export function rematerialise(block: Block, ...inputs: Tensor[]): Tensor {
  const newest = scalar(0).id
  // No gradient flows through this first computation; under other names, inputs are told from what is captured.
  const given = inputs.map(stopGradient)
  const y = block(...given)
  return applyRematerialise([y, ...inputs, ...capturedBy(y, given, newest)], { block, count: inputs.length })
}

/** What `y` is computed from, besides `given`, that was there before tensor number `newest` or is a parameter. */
function capturedBy(y: Tensor, given: readonly Tensor[], newest: number): Tensor[] {
  const found = new Set<Tensor>()
  const inside = new Set(given)
  const visit = (x: Tensor) => {
    if (x.id < newest || x.op.name === 'parameter') found.add(x)
    else if (!inside.has(x)) {
      inside.add(x)
      x.inputs.forEach(visit)
    }
  }
  visit(y)
  return [...found]
}
