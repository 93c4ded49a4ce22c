import { defineOp, fail } from '../op.js'
import { type DType, type Tensor } from '../tensor.js'
import { broadcastShape, toTensor, type Operand } from './elementwise.js'
import { sumTo } from './reduce.js'

function comparison(name: string, onnx: string): (a: Operand, b: Operand) => Tensor {
  const apply = defineOp<object>({
    name,
    cost: { kind: 'plain' },
    infer: (inputs) => {
      const [a, b] = inputs as [Tensor, Tensor]
      const shape = broadcastShape(a.shape, b.shape)
      if (shape === undefined) fail(name, inputs, 'the shapes do not broadcast')
      if (a.dtype !== b.dtype) fail(name, inputs, 'the types differ')
      return { shape, dtype: 'bool' }
    },
    lower: (emitter, inputs) => emitter.node(onnx, inputs),
  })
  return (a, b) => apply([toTensor(a), toTensor(b)], {})
}

/** a > b, element by element. */
export const greater = comparison('greater', 'Greater')
/** a = b, element by element. */
export const equal = comparison('equal', 'Equal')

const applyWhere = defineOp<object>({
  name: 'where',
  cost: { kind: 'plain' },
  infer: (inputs) => {
    const [condition, a, b] = inputs as [Tensor, Tensor, Tensor]
    const values = broadcastShape(a.shape, b.shape)
    const shape = values && broadcastShape(condition.shape, values)
    if (shape === undefined || condition.dtype !== 'bool' || a.dtype !== b.dtype)
      fail('where', inputs, 'takes a bool and two values of one type whose shapes broadcast')
    return { shape, dtype: a.dtype }
  },
  vjp: ({ grad, inputs: [condition, a, b] }) => [
    null,
    () => sumTo(where(condition!, grad, 0), a!.shape),
    () => sumTo(where(condition!, 0, grad), b!.shape),
  ],
  lower: (emitter, inputs) => emitter.node('Where', inputs),
})

/** `a` where the condition holds, `b` elsewhere. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return applyWhere([condition, toTensor(a), toTensor(b)], {})
}

const applyCast = defineOp<{ dtype: DType }>({
  name: 'cast',
  cost: { kind: 'plain' },
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  vjp: ({ grad, inputs: [x] }) => [
    x!.dtype === 'float32' || x!.dtype === 'float16' ? () => cast(grad, x!.dtype) : null,
  ],
  lower: (emitter, inputs, { attributes }) => emitter.node('Cast', inputs, { to: onnxTypes[attributes.dtype] }),
})

/** ONNX's TensorProto.DataType numbers. */
export const onnxTypes: Record<DType, number> = { float32: 1, int64: 7, bool: 9, float16: 10 }

/** The same values in another type. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : applyCast([x], { dtype })
}

const applyGather = defineOp<{ axis: number }>({
  name: 'gather',
  cost: { kind: 'plain' },
  infer: (inputs, { axis }) => {
    const [x, indices] = inputs as [Tensor, Tensor]
    if (indices.dtype !== 'int64' || indices.rank !== 1) fail('gather', inputs, 'indices are a vector of int64')
    if (axis < 0 || axis >= x.rank) fail('gather', inputs, `there is no axis ${axis}`)
    return { shape: x.shape.map((n, i) => (i === axis ? indices.shape[0]! : n)), dtype: x.dtype }
  },
  vjp: ({ grad, inputs: [x, indices], attributes: { axis } }) => [
    () => scatterAdd(grad, indices!, axis, x!.shape[axis]!),
    null,
  ],
  lower: (emitter, inputs, { attributes }) => emitter.node('Gather', inputs, { axis: attributes.axis }),
})

/** Entries of `x` along an axis, picked by a vector of int64. */
export function gather(x: Tensor, indices: Tensor, axis: number): Tensor {
  return applyGather([x, indices], { axis })
}

const applyScatterAdd = defineOp<{ axis: number; size: number }>({
  name: 'scatterAdd',
  cost: { kind: 'plain' },
  infer: (inputs, { axis, size }) => {
    const [updates, indices] = inputs as [Tensor, Tensor]
    if (indices.rank !== 1 || indices.shape[0] !== updates.shape[axis])
      fail('scatterAdd', inputs, `needs one index per entry of axis ${axis}`)
    return { shape: updates.shape.map((n, i) => (i === axis ? size : n)), dtype: updates.dtype }
  },
  vjp: ({ grad, inputs: [, indices], attributes: { axis } }) => [() => gather(grad, indices!, axis), null],
  lower: (emitter, [updates, indices], { output, inputs, attributes: { axis } }) => {
    const shape = inputs[0]!.shape
    const column = emitter.node('Reshape', [indices!, emitter.ints(shape.map((n, i) => (i === axis ? n : 1)))])
    const spread = emitter.node('Expand', [column, emitter.ints(shape)])
    const zeros = emitter.node('Expand', [emitter.scalar(0, output.dtype), emitter.ints(output.shape)])
    return emitter.node('ScatterElements', [zeros, spread, updates!], { axis, reduction: 'add' })
  },
})

/** Zeros of `size` along an axis, with `updates` added at the indices: the transpose of `gather`. */
export function scatterAdd(updates: Tensor, indices: Tensor, axis: number, size: number): Tensor {
  return applyScatterAdd([updates, indices], { axis, size })
}
