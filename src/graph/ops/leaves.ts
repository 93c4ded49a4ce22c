import { defineOp, type Op } from '../op.js'
import { sizeOf, Tensor, type DType, type Shape } from '../tensor.js'

interface Named {
  readonly name: string
  readonly shape: Shape
  readonly dtype: DType
}

function leafOp(name: string): Op {
  return {
    name,
    cost: { kind: 'plain' },
    infer: () => {
      throw new Error(`${name} is made by its own function`)
    },
    lower: () => {
      throw new Error(`${name} is bound by the lowering`)
    },
  }
}

const inputOp = leafOp('input')
const parameterOp = leafOp('parameter')

/** A value fed at each run. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
  return new Tensor(inputOp, [], { name }, shape, dtype)
}

/** A weight: bound when the graph is lowered, to a checkpoint's bytes or to a graph input. Float32 in the graph. */
export function parameter(name: string, shape: Shape): Tensor {
  return new Tensor(parameterOp, [], { name }, shape, 'float32', name)
}

/** Whether the tensor is an input or a parameter, and its name. */
export function leafName(tensor: Tensor): string | undefined {
  return tensor.op === inputOp || tensor.op === parameterOp ? (tensor.attributes as Named).name : undefined
}

/** Whether the tensor is a parameter. */
export function isParameter(tensor: Tensor): boolean {
  return tensor.op === parameterOp
}

const constantOp = defineOp<{ data: Float32Array | BigInt64Array; shape: Shape }>({
  name: 'constant',
  cost: { kind: 'plain' },
  infer: (_, { data, shape }) => {
    if (data.length !== sizeOf(shape))
      throw new RangeError(`constant: ${data.length} values for shape [${shape.join(',')}]`)
    return { shape, dtype: data instanceof BigInt64Array ? 'int64' : 'float32' }
  },
  lower: (emitter, _, { attributes }) => emitter.constant(attributes.data, attributes.shape),
})

/** Values known when the graph is made: float32, or int64 from a BigInt64Array. */
export function constant(data: Float32Array | BigInt64Array | readonly number[], shape: Shape): Tensor {
  const values = data instanceof Float32Array || data instanceof BigInt64Array ? data : Float32Array.from(data)
  return constantOp([], { data: values, shape })
}

/** A float32 scalar. */
export function scalar(value: number): Tensor {
  return constant([value], [])
}
