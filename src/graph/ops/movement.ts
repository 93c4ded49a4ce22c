import { defineOp, fail } from '../op.js'
import { sameShape, sizeOf, type Shape, type Tensor } from '../tensor.js'
import { sum, sumTo } from './reduce.js'
import { broadcastShape } from './elementwise.js'
import { linear } from './matmul.js'

const applyReshape = defineOp<{ shape: Shape }>({
  name: 'reshape',
  cost: { kind: 'view' },
  infer: (inputs, { shape }) => {
    const x = inputs[0]!
    if (sizeOf(shape) !== x.size || !shape.every((n) => Number.isInteger(n)))
      fail('reshape', inputs, `cannot become [${shape.join(',')}]`)
    return { shape, dtype: x.dtype }
  },
  vjp: ({ grad, inputs: [x] }) => [() => reshape(grad, x!.shape)],
  lower: (emitter, [x], { attributes }) => emitter.node('Reshape', [x!, emitter.ints(attributes.shape)]),
})

/** The same values in the same order under another shape; one size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1)
  const full = shape.map((n) => (n === -1 ? x.size / known : n))
  if (sameShape(x.shape, full)) return x
  const source = x.op.name === 'reshape' ? x.inputs[0]! : x
  return sameShape(source.shape, full) ? source : applyReshape([source], { shape: full })
}

const applyTranspose = defineOp<{ order: readonly number[] }>({
  name: 'transpose',
  cost: { kind: 'plain' },
  infer: (inputs, { order }) => {
    const x = inputs[0]!
    if (order.length !== x.rank || new Set(order).size !== x.rank || order.some((axis) => x.shape[axis] === undefined))
      fail('transpose', inputs, `[${order.join(',')}] is no permutation of its axes`)
    return { shape: order.map((axis) => x.shape[axis]!), dtype: x.dtype }
  },
  vjp: ({ grad, attributes: { order } }) => [
    () =>
      transpose(
        grad,
        order.map((_, axis) => order.indexOf(axis)),
      ),
  ],
  lower: (emitter, inputs, { attributes }) => emitter.node('Transpose', inputs, { perm: attributes.order }),
})

/** Axes in another order: axis i of the result is axis order[i] of `x`. */
export function transpose(x: Tensor, order: readonly number[]): Tensor {
  if (order.length === x.rank && order.every((axis, i) => axis === i)) return x
  const kept = order.filter((axis) => x.shape[axis] !== 1)
  // Moving axes of size 1 moves no data, and a reshape is free.
  if (order.length === x.rank && kept.every((axis, i) => i === 0 || axis > kept[i - 1]!))
    return reshape(
      x,
      order.map((axis) => x.shape[axis]!),
    )
  return applyTranspose([x], { order })
}

const applyBroadcast = defineOp<{ shape: Shape }>({
  name: 'broadcastTo',
  cost: { kind: 'plain' },
  infer: (inputs, { shape }) => {
    const result = broadcastShape(inputs[0]!.shape, shape)
    if (result === undefined || !sameShape(result, shape))
      fail('broadcastTo', inputs, `does not broadcast to [${shape.join(',')}]`)
    return { shape, dtype: inputs[0]!.dtype }
  },
  vjp: ({ grad, inputs: [x] }) => [() => sumTo(grad, x!.shape)],
  lower: (emitter, [x], { attributes }) => emitter.node('Expand', [x!, emitter.ints(attributes.shape)]),
})

/** Repeats axes of size 1 (and adds leading axes) to reach a shape. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applyBroadcast([x], { shape })
}

const applySlice = defineOp<{ axis: number; start: number; end: number }>({
  name: 'slice',
  cost: { kind: 'plain' },
  infer: (inputs, { axis, start, end }) => {
    const x = inputs[0]!
    const size = x.shape[axis]
    if (size === undefined || start < 0 || end > size || start >= end)
      fail('slice', inputs, `has no entries ${start} to ${end} on axis ${axis}`)
    return { shape: x.shape.map((n, i) => (i === axis ? end - start : n)), dtype: x.dtype }
  },
  vjp: ({ grad, inputs: [x], attributes: { axis, start, end } }) => [
    () => pad(grad, axis, start, x!.shape[axis]! - end),
  ],
  lower: (emitter, [x], { attributes: { axis, start, end } }) =>
    emitter.node('Slice', [x!, emitter.ints([start]), emitter.ints([end]), emitter.ints([axis])]),
})

/** Entries `start` to `end` (exclusive) of an axis; negative axes count from the end. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = axis < 0 ? axis + x.rank : axis
  if (start === 0 && end === x.shape[at]) return x
  if (x.op.name !== 'linear' || at !== x.rank - 1) return applySlice([x], { axis: at, start, end })
  // Some outputs of a linear layer are the layer of some rows of its weight, which is smaller than what it gives.
  const [from, ...rows] = x.inputs as [Tensor, Tensor, Tensor | undefined]
  const [weight, bias] = rows.map((row) => row && slice(row, 0, start, end))
  return linear(from, weight!, bias)
}

const applyPad = defineOp<{ axis: number; before: number; after: number }>({
  name: 'pad',
  cost: { kind: 'plain' },
  infer: (inputs, { axis, before, after }) => {
    const x = inputs[0]!
    if (x.shape[axis] === undefined || before < 0 || after < 0)
      fail('pad', inputs, `cannot pad axis ${axis} by ${before}, ${after}`)
    return { shape: x.shape.map((n, i) => (i === axis ? before + n + after : n)), dtype: x.dtype }
  },
  vjp: ({ grad, inputs: [x], attributes: { axis, before } }) => [
    () => slice(grad, axis, before, before + x!.shape[axis]!),
  ],
  lower: (emitter, [x], { output, attributes: { axis, before, after } }) => {
    // All axes are listed: where layouts are changed for an accelerator, ONNX Runtime 1.30 loses its way among a few.
    const pads = [before, after].flatMap((count) => output.shape.map((_, i) => (i === axis ? count : 0)))
    return emitter.node('Pad', [x!, emitter.ints(pads), emitter.scalar(0, output.dtype)])
  },
})

/** Zeros before and after the entries of an axis; negative axes count from the end. */
export function pad(x: Tensor, axis: number, before: number, after: number): Tensor {
  return before === 0 && after === 0 ? x : applyPad([x], { axis: axis < 0 ? axis + x.rank : axis, before, after })
}

const applyConcat = defineOp<{ axis: number }>({
  name: 'concat',
  cost: { kind: 'plain' },
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    const total = inputs.reduce((n, x) => n + (x.shape[axis] ?? NaN), 0)
    const fits = inputs.every(
      (x) => x.rank === first.rank && x.shape.every((n, i) => i === axis || n === first.shape[i]),
    )
    if (!fits || Number.isNaN(total)) fail('concat', inputs, `shapes differ off axis ${axis}`)
    return { shape: first.shape.map((n, i) => (i === axis ? total : n)), dtype: first.dtype }
  },
  vjp: ({ grad, inputs, attributes: { axis } }) => {
    let end = 0
    return inputs.map((x) => {
      const start = end
      end += x.shape[axis]!
      const stop = end
      return () => slice(grad, axis, start, stop)
    })
  },
  lower: (emitter, inputs, { attributes }) => emitter.node('Concat', inputs, { axis: attributes.axis }),
})

/** Tensors one after another along an axis; negative axes count from the end. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0]
  if (first === undefined) throw new RangeError('concat: no tensors')
  return tensors.length === 1 ? first : applyConcat(tensors, { axis: axis < 0 ? axis + first.rank : axis })
}

const applyUpsample = defineOp<{ scale: number }>({
  name: 'upsampleNearest',
  cost: { kind: 'plain' },
  infer: (inputs, { scale }) => {
    const x = inputs[0]!
    if (x.rank !== 4) fail('upsampleNearest', inputs, 'takes (n, c, h, w)')
    const [n, c, h, w] = x.shape as [number, number, number, number]
    return { shape: [n, c, h * scale, w * scale], dtype: x.dtype }
  },
  vjp: ({ grad, inputs: [x], attributes: { scale } }) => [
    () => {
      const [n, c, h, w] = x!.shape as [number, number, number, number]
      // Rows first: summing whole rows reads memory in order and halves the work of the second sum.
      const rows = sum(reshape(grad, [n * c * h, scale, w * scale]), { axes: [1] })
      return reshape(sum(reshape(rows, [n * c * h * w, scale]), { axes: [1] }), x!.shape)
    },
  ],
  lower: (emitter, [x], { output, attributes: { scale } }) =>
    emitter.node('Resize', [x!, '', emitter.constant(Float32Array.of(1, 1, scale, scale), [output.rank])], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
})

/** Each pixel of (n, c, h, w) repeated `scale` times in height and width. */
export function upsampleNearest(x: Tensor, scale: number): Tensor {
  return applyUpsample([x], { scale })
}
