import { defineOp, fail, type Emitter } from '../op.js'
import { type Tensor } from '../tensor.js'
import { add, mul, sub } from './elementwise.js'
import { reshape } from './movement.js'
import { mean, sum, sumTo } from './reduce.js'

interface Epsilon {
  readonly epsilon: number
}

/** LayerNormalization over the last axis without scale: values, mean and inverse standard deviation. */
function emitNormalize(emitter: Emitter, x: string, width: number, epsilon: number): string[] {
  const ones = emitter.constant(new Float32Array(width).fill(1), [width])
  return emitter.nodes('LayerNormalization', [x, ones], 3, { axis: -1, epsilon: { float: epsilon } })
}

const applyNormalize = defineOp<Epsilon>({
  name: 'normalize',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  vjp: ({ output: y, grad, inputs: [x], attributes: { epsilon } }) => [
    () => {
      const options = { axes: [-1], keepAxes: true }
      const centred = sub(sub(grad, mean(grad, options)), mul(y, mean(mul(grad, y), options)))
      return mul(centred, inverseDeviation(x!, epsilon))
    },
  ],
  lower: (emitter, [x], { output, attributes }) =>
    emitNormalize(emitter, x!, output.shape.at(-1)!, attributes.epsilon)[0]!,
})

/** (x - mean)/sqrt(variance + epsilon) over the last axis. */
export function normalize(x: Tensor, epsilon: number): Tensor {
  return applyNormalize([x], { epsilon })
}

const applyInverseDeviation = defineOp<Epsilon>({
  name: 'inverseDeviation',
  infer: ([x]) => ({ shape: [...x!.shape.slice(0, -1), 1], dtype: x!.dtype }),
  vjp: ({ output: r, grad, inputs: [x], attributes: { epsilon } }) => [
    () => mul(mul(normalize(x!, epsilon), mul(mul(r, r), -1 / x!.shape.at(-1)!)), grad),
  ],
  lower: (emitter, [x], { inputs, attributes }) =>
    emitNormalize(emitter, x!, inputs[0]!.shape.at(-1)!, attributes.epsilon)[2]!,
})

/** 1/sqrt(variance + epsilon) over the last axis, which stays as size 1. */
export function inverseDeviation(x: Tensor, epsilon: number): Tensor {
  return applyInverseDeviation([x], { epsilon })
}

const applyLayerNorm = defineOp<Epsilon>({
  name: 'layerNorm',
  infer: (inputs) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor]
    if (weight.rank !== 1 || bias.rank !== 1 || weight.shape[0] !== x.shape.at(-1) || bias.shape[0] !== weight.shape[0])
      fail('layerNorm', inputs, 'weight and bias have one entry per entry of the last axis')
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: ({ grad, inputs, attributes: { epsilon } }) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor]
    return [
      () => {
        const y = normalize(x, epsilon)
        const scaled = mul(grad, weight)
        const options = { axes: [-1], keepAxes: true }
        const r = inverseDeviation(x, epsilon)
        return mul(sub(sub(scaled, mean(scaled, options)), mul(y, mean(mul(scaled, y), options))), r)
      },
      () => sumTo(mul(grad, normalize(x, epsilon)), weight.shape),
      () => sumTo(grad, bias.shape),
    ]
  },
  lower: (emitter, inputs, { attributes }) =>
    emitter.node('LayerNormalization', inputs, { axis: -1, epsilon: { float: attributes.epsilon } }),
})

/** Layer normalisation over the last axis of x (..., c), with weight (c) and bias (c). */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return applyLayerNorm([x, weight, bias], { epsilon })
}

interface GroupNormAttributes extends Epsilon {
  readonly groups: number
}

const applyGroupNorm = defineOp<GroupNormAttributes>({
  name: 'groupNorm',
  infer: (inputs, { groups }) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor]
    const channels = x.shape[1]
    if (channels === undefined || channels % groups !== 0 || weight.shape[0] !== channels || bias.shape[0] !== channels)
      fail('groupNorm', inputs, `takes (n, c, ...), c a multiple of ${groups}, and weight and bias (c)`)
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: ({ grad, inputs, attributes }) => groupNormGradients(grad, inputs as [Tensor, Tensor, Tensor], attributes),
  lower: (emitter, [x, weight, bias], { output, attributes: { groups, epsilon } }) => {
    const [n, channels] = output.shape as [number, number]
    const width = output.size / (n * groups)
    const grouped = emitter.node('Reshape', [x!, emitter.ints([n, groups, width])])
    // InstanceNormalization is the fastest fused form; in training the gradient wants LayerNormalization's statistics.
    const ones = () => emitter.constant(new Float32Array(groups).fill(1), [groups])
    const zeros = () => emitter.constant(new Float32Array(groups), [groups])
    const normal = emitter.training
      ? emitNormalize(emitter, grouped, width, epsilon)[0]!
      : emitter.node('InstanceNormalization', [grouped, ones(), zeros()], { epsilon: { float: epsilon } })
    const rows = emitter.node('Reshape', [normal, emitter.ints([n, channels, -1])])
    const column = emitter.ints([channels, 1])
    const scaled = emitter.node('Mul', [rows, emitter.node('Reshape', [weight!, column])])
    const shifted = emitter.node('Add', [scaled, emitter.node('Reshape', [bias!, column])])
    return emitter.node('Reshape', [shifted, emitter.ints(output.shape)])
  },
})

// The textbook gradient makes eleven passes over the activations. Summing over pixels first, per channel, leaves only
// small tensors for the group means, and seven passes.
function groupNormGradients(
  grad: Tensor,
  [x, weight]: [Tensor, Tensor, Tensor],
  { groups, epsilon }: GroupNormAttributes,
): readonly (() => Tensor)[] {
  const [n, channels] = x.shape as [number, number]
  const pixels = x.size / (n * channels)
  const width = x.size / (n * groups)
  const grouped = reshape(x, [n, groups, width])
  const byChannel = [n, channels, pixels]
  const g = reshape(grad, byChannel)
  const normal = () => reshape(normalize(grouped, epsilon), byChannel)
  const gradSum = () => sum(g, { axes: [2], keepAxes: true })
  const productSum = () => sum(mul(g, normal()), { axes: [2], keepAxes: true })
  const minusMean = (x: Tensor) =>
    mul(
      sum(reshape(mul(x, reshape(weight, [channels, 1])), [n, groups, -1]), { axes: [2], keepAxes: true }),
      -1 / width,
    )
  return [
    () => {
      const r = inverseDeviation(grouped, epsilon)
      const scale = mul(reshape(weight, [groups, channels / groups]), r)
      const offset = mul(minusMean(gradSum()), r)
      const slope = mul(minusMean(productSum()), r)
      const direct = reshape(mul(g, reshape(scale, [n, channels, 1])), [n, groups, width])
      return reshape(add(direct, add(mul(normalize(grouped, epsilon), slope), offset)), x.shape)
    },
    () => sum(productSum(), { axes: [0, 2] }),
    () => sum(gradSum(), { axes: [0, 2] }),
  ]
}

/** Group normalisation of x (n, c, ...): statistics over each group of channels and all later axes. */
export function groupNorm(x: Tensor, weight: Tensor, bias: Tensor, groups: number, epsilon: number): Tensor {
  return applyGroupNorm([x, weight, bias], { groups, epsilon })
}
