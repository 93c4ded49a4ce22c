import { defineOp, fail, MICROSOFT } from '../op.js'
import { type Shape, type Tensor } from '../tensor.js'
import { broadcastShape } from './elementwise.js'
import { reshape } from './movement.js'
import { sum, sumTo } from './reduce.js'

interface MatmulAttributes {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
}

const matrixOf = (shape: Shape, transposed: boolean): [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

const applyMatmul = defineOp<MatmulAttributes>({
  name: 'matmul',
  cost: {
    kind: 'product',
    multiplyAdds: ({ output, inputs: [a], attributes: { transA } }) => output.size * a!.shape.at(transA ? -2 : -1)!,
  },
  infer: (inputs, { transA, transB }) => {
    const [a, b] = inputs as [Tensor, Tensor]
    if (a.rank < 2 || b.rank < 2) fail('matmul', inputs, 'takes matrices or batches of matrices')
    const [m, k] = matrixOf(a.shape, transA)
    const [k2, n] = matrixOf(b.shape, transB)
    const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    if (k !== k2 || batch === undefined || a.dtype !== b.dtype)
      fail('matmul', inputs, `inner sizes ${k} and ${k2} (transA ${transA}, transB ${transB}) or batches do not match`)
    return { shape: [...batch, m, n], dtype: a.dtype }
  },
  vjp: ({ grad, inputs, attributes: { transA, transB, alpha } }) => {
    const [a, b] = inputs as [Tensor, Tensor]
    const gradA = () =>
      transA ? matmul(b, grad, { transA: transB, transB: true, alpha }) : matmul(grad, b, { transB: !transB, alpha })
    const gradB = () =>
      transB ? matmul(grad, a, { transA: true, transB: transA, alpha }) : matmul(a, grad, { transA: !transA, alpha })
    return [() => sumTo(gradA(), a.shape), () => sumTo(gradB(), b.shape)]
  },
  lower: (emitter, inputs, { attributes: { transA, transB, alpha } }) =>
    !transA && !transB && alpha === 1
      ? emitter.node('MatMul', inputs)
      : emitter.node(
          'FusedMatMul',
          inputs,
          { transA: Number(transA), transB: Number(transB), alpha: { float: alpha } },
          MICROSOFT,
        ),
})

/**
 * alpha op(a) op(b) over the last two axes, batch axes broadcast; `transA` and `transB` swap the last two axes first.
 */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulAttributes> = {}): Tensor {
  return applyMatmul([a, b], {
    transA: options.transA ?? false,
    transB: options.transB ?? false,
    alpha: options.alpha ?? 1,
  })
}

const applyLinear = defineOp<object>({
  name: 'linear',
  cost: { kind: 'product', multiplyAdds: ({ output, inputs: [, weight] }) => output.size * weight!.shape[1]! },
  infer: (inputs) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined]
    const [out, inner] = weight.shape
    if (weight.rank !== 2 || x.shape.at(-1) !== inner || (bias && (bias.rank !== 1 || bias.shape[0] !== out)))
      fail('linear', inputs, 'takes (..., in), a weight (out, in) and a bias (out)')
    return { shape: [...x.shape.slice(0, -1), out!], dtype: x.dtype }
  },
  vjp: ({ grad, inputs }) => {
    const [x, weight] = inputs as [Tensor, Tensor]
    const rows = reshape(grad, [-1, weight.shape[0]!])
    return [
      () => reshape(matmul(rows, weight), x.shape),
      () => matmul(rows, reshape(x, [-1, weight.shape[1]!]), { transA: true }),
      () => sum(rows, { axes: [0] }),
    ]
  },
  lower: (emitter, [x, ...rest], { output, inputs }) => {
    const weight = inputs[1]!.shape as [number, number]
    // Gemm adds the bias inside the product, which saves a pass over the result.
    const flat = inputs[0]!.rank === 2 ? x! : emitter.node('Reshape', [x!, emitter.ints([-1, weight[1]])])
    const product = emitter.node('Gemm', [flat, ...rest], { transB: 1 })
    return output.rank === 2 ? product : emitter.node('Reshape', [product, emitter.ints(output.shape)])
  },
})

/** x Wᵀ + b over the last axis: x (..., in), weight (out, in) as PyTorch keeps it, bias (out). */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return applyLinear(bias ? [x, weight, bias] : [x, weight], {})
}
