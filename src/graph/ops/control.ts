import { topologicalOrder, vectorJacobianProducts } from '../gradients.js'
import { defineOp } from '../op.js'
import { type Tensor } from '../tensor.js'

const applyStop = defineOp<object>({
  name: 'stopGradient',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  lower: (_, [x]) => x!,
})

/** The same values, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return applyStop([x], {})
}

const applyCopyAfter = defineOp<object>({
  name: 'copyAfter',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  vjp: ({ grad }) => [() => grad, null],
  // x + 0 max(after): the runtime can neither compute it before the backward pass has come this far, nor see that it is x
  // and merge what follows with the first computation.
  lower: (emitter, [x, after], { output }) => {
    const wait = emitter.node('Mul', [
      emitter.node('ReduceMax', [after!], { keepdims: 0 }),
      emitter.scalar(0, output.dtype),
    ])
    return emitter.node('Add', [x!, wait])
  },
})

type Block = (...inputs: Tensor[]) => Tensor

const applyRematerialise = defineOp<{ block: Block; count: number }>({
  name: 'rematerialise',
  infer: ([y]) => ({ shape: y!.shape, dtype: y!.dtype }),
  vjp: ({ grad, inputs, attributes: { block, count } }) => {
    const [, ...sources] = inputs
    let parts: readonly Tensor[] | undefined
    const products = () => {
      const blockInputs = sources.slice(0, count).map((x) => applyCopyAfter([x, grad], {}))
      const again = block(...blockInputs)
      return vectorJacobianProducts([again], [grad], [...blockInputs, ...sources.slice(count)])
    }
    return [null, ...sources.map((_, i) => () => (parts ??= products())[i]!)]
  },
  lower: (_, [y]) => y!,
})

/**
 * `block(...inputs)`, whose inner values are not kept for the gradient but computed again from its inputs when the
 * backward pass needs them: memory for time. Parameters that the block uses get their gradients as usual.
 */
export function rematerialise(block: Block, ...inputs: Tensor[]): Tensor {
  const y = block(...inputs)
  const outer = new Set(topologicalOrder(inputs))
  const parameters = topologicalOrder([y]).filter(
    (x) => x.inputs.length === 0 && x.op.name === 'parameter' && !outer.has(x),
  )
  return applyRematerialise([y, ...inputs, ...parameters], { block, count: inputs.length })
}
