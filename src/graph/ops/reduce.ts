import { defineOp, fail, type Emitter } from '../op.js'
import { sameShape, type Shape, type Tensor } from '../tensor.js'
import { div, mul } from './elementwise.js'
import { broadcastTo, reshape } from './movement.js'
import { cast, equal } from './select.js'

interface Axes {
  readonly axes: readonly number[]
}

/** Shape with the given axes set to 1. */
const keepAxes = (shape: Shape, axes: readonly number[]): Shape => shape.map((n, axis) => (axes.includes(axis) ? 1 : n))

function reduction(
  name: string,
  onnx: string,
  derivative: (x: Tensor, y: Tensor, grad: Tensor, count: number) => Tensor,
  special?: (emitter: Emitter, x: string, from: Tensor, to: Tensor) => string | undefined,
): (inputs: readonly Tensor[], attributes: Axes) => Tensor {
  return defineOp<Axes>({
    name,
    infer: (inputs, { axes }) => {
      const x = inputs[0]!
      if (axes.some((axis) => axis < 0 || axis >= x.rank)) fail(name, inputs, `has no axes [${axes.join(',')}]`)
      return { shape: keepAxes(x.shape, axes), dtype: x.dtype }
    },
    vjp: ({ output, grad, inputs: [x] }) => [() => derivative(x!, output, grad, x!.size / output.size)],
    lower: (emitter, [x], { inputs, output, attributes: { axes } }) =>
      special?.(emitter, x!, inputs[0]!, output) ?? emitter.node(onnx, [x!, emitter.ints(axes)], { keepdims: 1 }),
  })
}

// Sums over the leading axes, as the gradients of biases are, take less than half the time on two threads as the product
// with a row of ones.
function sumOfRows(emitter: Emitter, x: string, from: Tensor, to: Tensor): string | undefined {
  const kept = to.shape.findIndex((n) => n !== 1)
  const whole = sameShape(from.shape.slice(kept), to.shape.slice(kept))
  const rows = from.size / to.size
  if (rows === 1 || to.size < MIN_COLUMNS || !whole || from.dtype !== 'float32') return undefined
  const ones = emitter.node('Expand', [emitter.scalar(1, 'float32'), emitter.ints([1, rows])])
  const matrix = from.rank === 2 ? x : emitter.node('Reshape', [x, emitter.ints([rows, to.size])])
  const total = emitter.node('MatMul', [ones, matrix])
  return to.rank === 2 ? total : emitter.node('Reshape', [total, emitter.ints(to.shape)])
}

/** Fewer columns than a vector register holds make a poor matrix product. */
const MIN_COLUMNS = 16

const applySum = reduction('sum', 'ReduceSum', (x, _, grad) => broadcastTo(grad, x.shape), sumOfRows)
const applyMean = reduction('mean', 'ReduceMean', (x, _, grad, count) => broadcastTo(mul(grad, 1 / count), x.shape))
const applyMax = reduction('max', 'ReduceMax', (x, y, grad) => {
  const mask = cast(equal(x, y), x.dtype)
  return mul(div(mask, applySum([mask], { axes: x.shape.flatMap((n, i) => (n === y.shape[i] ? [] : [i])) })), grad)
})

/** Which axes to reduce (all, if left out; negative ones count from the end), and whether they stay as size 1. */
export interface ReduceOptions {
  readonly axes?: readonly number[]
  readonly keepAxes?: boolean
}

function reduce(
  apply: (inputs: readonly Tensor[], attributes: Axes) => Tensor,
  x: Tensor,
  options: ReduceOptions,
): Tensor {
  const axes = (options.axes ?? x.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + x.rank : axis))
  if (axes.length === 0) return x
  const reduced = apply([x], { axes: [...axes].sort((a, b) => a - b) })
  return options.keepAxes
    ? reduced
    : reshape(
        reduced,
        x.shape.filter((_, axis) => !axes.includes(axis)),
      )
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
  return reshape(sum(x, { axes, keepAxes: true }), shape)
}
