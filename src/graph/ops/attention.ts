import { defineOp, fail, MICROSOFT } from '../op.js'
import { type Tensor } from '../tensor.js'
import { mul, sub } from './elementwise.js'
import { matmul } from './matmul.js'
import { reshape, transpose } from './movement.js'
import { sum } from './reduce.js'

const applySoftmax = defineOp<object>({
  name: 'softmax',
  cost: { kind: 'full' },
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  vjp: ({ output: y, grad }) => [() => mul(y, sub(grad, sum(mul(grad, y), { axes: [-1], keepAxes: true })))],
  lower: (emitter, inputs) => emitter.node('Softmax', inputs, { axis: -1 }),
})

/** e^x over its sum, along the last axis. */
export function softmax(x: Tensor): Tensor {
  return applySoftmax([x], {})
}

interface AttentionAttributes {
  readonly heads: number
}

const applyAttention = defineOp<AttentionAttributes>({
  name: 'attention',
  cost: {
    kind: 'product',
    // q kᵀ and p v: (s, t) products of the width, for every batch.
    multiplyAdds: ({ inputs: [q, k] }) => 2 * q!.size * k!.shape[1]!,
    // Queries, keys and values with their heads apart.
    scratch: ({ inputs }) => inputs.reduce((sum, { size }) => sum + size, 0),
  },
  infer: (inputs, { heads }) => {
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor]
    const fits =
      inputs.every((x) => x.rank === 3 && x.shape[0] === q.shape[0]) &&
      q.shape[2] === k.shape[2] &&
      k.shape[1] === v.shape[1] &&
      q.shape[2]! % heads === 0 &&
      v.shape[2]! % heads === 0
    if (!fits)
      fail('attention', inputs, `takes q (b, s, c), k (b, t, c) and v (b, t, c), c a multiple of ${heads} heads`)
    return { shape: [q.shape[0]!, q.shape[1]!, v.shape[2]!], dtype: q.dtype }
  },
  vjp: ({ grad, inputs, attributes: { heads } }) => {
    const [q, k, v] = inputs.map((x) => splitHeads(x, heads)) as [Tensor, Tensor, Tensor]
    const alpha = headScale(q)
    const p = softmax(matmul(q, k, { transB: true, alpha }))
    const g = splitHeads(grad, heads)
    const scores = () => {
      const gp = matmul(g, v, { transB: true })
      return mul(p, sub(gp, sum(mul(gp, p), { axes: [-1], keepAxes: true })))
    }
    return [
      () => joinHeads(matmul(scores(), k, { alpha })),
      () => joinHeads(matmul(scores(), q, { transA: true, alpha })),
      () => joinHeads(matmul(p, g, { transA: true })),
    ]
  },
  expand: ([q, k, v], { heads }) => attentionByParts(q!, k!, v!, heads),
  lower: (emitter, inputs, { attributes: { heads } }) =>
    emitter.node('MultiHeadAttention', inputs, { num_heads: heads }, MICROSOFT),
})

const headScale = (q: Tensor) => 1 / Math.sqrt(q.shape.at(-1)!)

/** (b, s, h d) -> (b, h, s, d) */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [b, s, c] = x.shape as [number, number, number]
  return transpose(reshape(x, [b, s, heads, c / heads]), [0, 2, 1, 3])
}

/** (b, h, s, d) -> (b, s, h d) */
function joinHeads(x: Tensor): Tensor {
  const [b, h, s, d] = x.shape as [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [b, s, h * d])
}

/**
 * Scaled dot-product attention softmax(q kᵀ / sqrt(d)) v with `heads` heads, contiguous slices of the channel axis:
 * q (b, s, h d), k (b, t, h d), v (b, t, h e) -> (b, s, h e). Inference uses the fused operator, which never holds the
 * (s, t) matrix; a graph with gradients spells it out, since the gradient needs that matrix.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, heads: number): Tensor {
  return applyAttention([q, k, v], { heads })
}

function attentionByParts(q: Tensor, k: Tensor, v: Tensor, heads: number): Tensor {
  const [qh, kh, vh] = [q, k, v].map((x) => splitHeads(x, heads)) as [Tensor, Tensor, Tensor]
  return joinHeads(matmul(softmax(matmul(qh, kh, { transB: true, alpha: headScale(qh) })), vh))
}
