import { defineOp, fail, type Emitter } from '../op.js'
import { sameShape, type Shape, type Tensor } from '../tensor.js'
import { div, mul } from './elementwise.js'
import { broadcastTo, reshape } from './movement.js'
import { cast, equal } from './select.js'

interface Reduction {
  readonly axes: readonly number[]
  readonly keepAxes: boolean
}

/** Shape with the given axes set to 1. */
const withOnes = (shape: Shape, axes: readonly number[]): Shape => shape.map((n, axis) => (axes.includes(axis) ? 1 : n))

function reduction(
  name: string,
  kind: 'full' | 'plain',
  onnx: string,
  derivative: (x: Tensor, y: Tensor, grad: Tensor, count: number) => Tensor,
  special?: (emitter: Emitter, x: string, from: Tensor, to: Tensor, axes: readonly number[]) => string | undefined,
): (inputs: readonly Tensor[], attributes: Reduction) => Tensor {
  return defineOp<Reduction>({
    name,
    cost: { kind },
    infer: (inputs, { axes, keepAxes }) => {
      const x = inputs[0]!
      if (axes.some((axis) => axis < 0 || axis >= x.rank)) fail(name, inputs, `has no axes [${axes.join(',')}]`)
      const shape = keepAxes ? withOnes(x.shape, axes) : x.shape.filter((_, axis) => !axes.includes(axis))
      return { shape, dtype: x.dtype }
    },
    vjp: ({ output, grad, inputs: [x], attributes: { axes } }) => {
      const kept = withOnes(x!.shape, axes)
      return [() => derivative(x!, reshape(output, kept), reshape(grad, kept), x!.size / output.size)]
    },
    lower: (emitter, [x], { inputs, output, attributes: { axes, keepAxes } }) =>
      special?.(emitter, x!, inputs[0]!, output, axes) ??
      emitter.node(onnx, [x!, emitter.ints(axes)], { keepdims: Number(keepAxes) }),
  })
}

// Sums over the leading axes, as the gradients of biases are, take less than half the time on two threads as the
// product with as many ones.
function sumOfRows(emitter: Emitter, x: string, from: Tensor, to: Tensor, axes: readonly number[]): string | undefined {
  const last = Math.max(...axes)
  const leading = from.shape.every((n, axis) => axis > last || n === 1 || axes.includes(axis))
  const rows = from.size / to.size
  if (rows === 1 || to.size < MIN_COLUMNS || !leading || from.dtype !== 'float32') return undefined
  const matrix = from.rank === 2 ? x : emitter.node('Reshape', [x, emitter.ints([rows, to.size])])
  // A vector of ones, not a row, where the result is a vector.
  const shape = to.rank === 1 ? [rows] : [1, rows]
  const ones = emitter.node('Expand', [emitter.scalar(1, 'float32'), emitter.ints(shape)])
  const total = emitter.node('MatMul', [ones, matrix])
  const fits = sameShape(to.shape, [...shape.slice(0, -1), to.size])
  return fits ? total : emitter.node('Reshape', [total, emitter.ints(to.shape)])
}

/** Fewer columns than a vector register holds make a poor matrix product. */
const MIN_COLUMNS = 16

const applySum = reduction('sum', 'full', 'ReduceSum', (x, _, grad) => broadcastTo(grad, x.shape), sumOfRows)
const applyMean = reduction('mean', 'full', 'ReduceMean', (x, _, grad, count) =>
  broadcastTo(mul(grad, 1 / count), x.shape),
)
const applyMax = reduction('max', 'plain', 'ReduceMax', (x, y, grad) => {
  const mask = cast(equal(x, y), x.dtype)
  const axes = x.shape.flatMap((n, i) => (n === y.shape[i] ? [] : [i]))
  return mul(div(mask, sum(mask, { axes, keepAxes: true })), grad)
})

/** Which axes to reduce (all, if left out; negative ones count from the end), and whether they stay as size 1. */
export interface ReduceOptions {
  readonly axes?: readonly number[]
  readonly keepAxes?: boolean
}

function reduce(
  apply: (inputs: readonly Tensor[], attributes: Reduction) => Tensor,
  x: Tensor,
  { axes: given, keepAxes = false }: ReduceOptions,
): Tensor {
  const axes = (given ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + x.rank : axis))
  return axes.length === 0 ? x : apply([x], { axes: axes.sort((a, b) => a - b), keepAxes })
}

/** Sum over axes. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(applySum, x, options)
/** Mean over axes. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(applyMean, x, options)
/** Largest over axes; ties share the gradient evenly. */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce(applyMax, x, options)

/** Sums a broadcast result back to an operand's shape: the transpose of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const extra = x.rank - shape.length
  const axes = x.shape.flatMap((n, axis) => (axis < extra || (shape[axis - extra] === 1 && n !== 1) ? [axis] : []))
  // What loses its axes altogether needs no reshape.
  return reshape(sum(x, { axes, keepAxes: axes.some((axis) => axis >= extra) }), shape)
}
