import { defineOp, fail, type Emitter } from '../op.js'
import { sameShape, type Tensor } from '../tensor.js'
import { add, mul, sub } from './elementwise.js'
import { constant } from './leaves.js'
import { matmul } from './matmul.js'
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
  cost: { kind: 'full' },
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
  cost: { kind: 'full' },
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
  cost: { kind: 'full' },
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

/** x scale + shift by channel, axis 1, in one pass: the normalisation of a batch whose mean is 0 and variance 1. */
function emitScaleShift(emitter: Emitter, x: string, scale: string, shift: string, channels: number): string {
  const mean = emitter.constant(new Float32Array(channels), [channels])
  const variance = emitter.constant(new Float32Array(channels).fill(1), [channels])
  return emitter.node('BatchNormalization', [x, scale, shift, mean, variance], { epsilon: { float: 0 } })
}

const applyScaleShift = defineOp<object>({
  name: 'scaleShift',
  cost: { kind: 'plain' },
  infer: (inputs) => {
    const [x, scale, shift] = inputs as [Tensor, Tensor, Tensor]
    if (x.rank < 2 || scale.rank !== 1 || scale.shape[0] !== x.shape[1] || !sameShape(shift.shape, scale.shape))
      fail('scaleShift', inputs, 'takes (n, c, ...), and scale and shift (c)')
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: ({ grad, inputs }) => {
    const [x, scale] = inputs as [Tensor, Tensor]
    const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
    return [
      () => mul(grad, reshape(scale, [-1, ...x.shape.slice(2).map(() => 1)])),
      () => sum(mul(grad, x), { axes }),
      () => sum(grad, { axes }),
    ]
  },
  lower: (emitter, [x, scale, shift], { output }) => emitScaleShift(emitter, x!, scale!, shift!, output.shape[1]!),
})

/** x scale + shift by channel: x (n, c, ...), scale (c), shift (c). */
export function scaleShift(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  return applyScaleShift([x, scale, shift], {})
}

interface GroupNormAttributes extends Epsilon {
  readonly groups: number
}

const applyGroupNorm = defineOp<GroupNormAttributes>({
  name: 'groupNorm',
  cost: {
    kind: 'full',
    // Normalisation, scale and shift each make a value of their own.
    scratch: ({ output }) => output.size,
  },
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
    if (emitter.training) {
      // The gradient wants LayerNormalization's statistics.
      const normal = emitNormalize(emitter, grouped, width, epsilon)[0]!
      const rows = emitter.node('Reshape', [normal, emitter.ints([n, channels, -1])])
      const shifted = emitScaleShift(emitter, rows, weight!, bias!, channels)
      return emitter.node('Reshape', [shifted, emitter.ints(output.shape)])
    }
    // InstanceNormalization is the fastest fused form.
    const ones = emitter.constant(new Float32Array(groups).fill(1), [groups])
    const zeros = emitter.constant(new Float32Array(groups), [groups])
    const normal = emitter.node('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } })
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
  const width = x.size / (n * groups)
  const grouped = reshape(x, [n, groups, width])
  const byChannel = [n, channels, width / (channels / groups)]
  const g = reshape(grad, byChannel)
  const gradSum = () => sum(g, { axes: [2] })
  const productSum = () => sum(mul(g, reshape(normalize(grouped, epsilon), byChannel)), { axes: [2] })
  return [
    () => {
      const deviation = reshape(inverseDeviation(grouped, epsilon), [n, groups])
      // (c, groups): a channel's weight in the column of its group. Products with it weigh, and sum over or spread to
      // channels.
      const weighted = mul(membership(channels, groups), reshape(weight, [channels, 1]))
      const minusMean = (sums: Tensor) => mul(matmul(sums, weighted, { alpha: -1 / width }), deviation)
      const perGroup = (values: Tensor) => reshape(values, [n * groups])
      const rows = reshape(normalize(grouped, epsilon), [1, n * groups, width])
      const indirect = scaleShift(rows, perGroup(minusMean(productSum())), perGroup(minusMean(gradSum())))
      const direct = mul(g, reshape(matmul(deviation, weighted, { transB: true }), [n, channels, 1]))
      return reshape(add(direct, reshape(indirect, byChannel)), x.shape)
    },
    () => sum(productSum(), { axes: [0] }),
    () => sum(gradSum(), { axes: [0] }),
  ]
}

const memberships = new Map<string, Tensor>()

/**
 * (c, groups): 1 where a channel is of a group, else 0. One tensor for all norms of these sizes: a graph has it once.
 */
function membership(channels: number, groups: number): Tensor {
  const key = `${channels},${groups}`
  const known = memberships.get(key)
  if (known) return known
  const values = new Float32Array(channels * groups)
  for (let c = 0; c < channels; c++) values[c * groups + Math.floor((c * groups) / channels)] = 1
  const made = constant(values, [channels, groups])
  memberships.set(key, made)
  return made
}

/** Group normalisation of x (n, c, ...): statistics over each group of channels and all later axes. */
export function groupNorm(x: Tensor, weight: Tensor, bias: Tensor, groups: number, epsilon: number): Tensor {
  return applyGroupNorm([x, weight, bias], { groups, epsilon })
}
