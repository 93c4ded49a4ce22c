import { defineOp, fail, type Emitter } from '../op.js'
import { sizeOf, type Shape, type Tensor } from '../tensor.js'
import {
  emitInputProduct,
  emitProduct,
  emitWeightProduct,
  emitWeightProductByGrad,
  fitsProduct,
  turnedRound,
} from './conv-products.js'
import { sum } from './reduce.js'

/** Zero padding and stride per spatial axis. `pads` lists the paddings before, then the paddings after. */
export interface ConvGeometry {
  readonly strides: readonly number[]
  readonly pads: readonly number[]
}

const spatial = (shape: Shape): Shape => shape.slice(2)

function outputSizes(input: Shape, kernel: Shape, { strides, pads }: ConvGeometry): number[] {
  return input.map((n, i) => Math.floor((n + pads[i]! + pads[i + input.length]! - kernel[i]!) / strides[i]!) + 1)
}

const applyConv = defineOp<ConvGeometry>({
  name: 'conv',
  cost: {
    kind: 'product',
    multiplyAdds: ({ output, inputs: [, weight] }) => output.size * (weight!.size / weight!.shape[0]!),
  },
  infer: (inputs, geometry) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined]
    if (x.rank !== weight.rank || x.rank < 3 || x.shape[1] !== weight.shape[1])
      fail('conv', inputs, 'takes (n, in, ...) and a weight (out, in, ...) of the same rank')
    if (bias && bias.shape[0] !== weight.shape[0]) fail('conv', inputs, 'the bias has one entry per output channel')
    if (geometry.pads.length !== 2 * (x.rank - 2)) fail('conv', inputs, 'takes one padding per axis, or two')
    const sizes = outputSizes(spatial(x.shape), spatial(weight.shape), geometry)
    if (sizes.some((n) => n < 1)) fail('conv', inputs, 'the kernel is larger than the padded input')
    return { shape: [x.shape[0]!, weight.shape[0]!, ...sizes], dtype: x.dtype }
  },
  vjp: ({ grad, inputs, attributes }) => {
    const [x, weight] = inputs as [Tensor, Tensor]
    return [
      () => convInputGrad(grad, weight, spatial(x.shape), attributes),
      () => convWeightGrad(x, grad, spatial(weight.shape), attributes),
      () => sum(grad, { axes: grad.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) }),
    ]
  },
  lower: (emitter, inputs, { output, inputs: [x, weight], attributes: { strides, pads } }) => {
    const kernel = spatial(weight!.shape)
    return emitter.training && sizeOf(spatial(output.shape)) < CONV_PIXELS
      ? emitProduct(emitter, inputs, output.shape, { shape: x!.shape, kernel, strides, pads })
      : emitter.node('Conv', inputs, { kernel_shape: kernel, strides, pads })
  },
})

/**
 * Positions from which on Conv is as fast as one product of patches and weight (docs/experiments.md). Conv multiplies
 * sample by sample, which for a few positions are matrices of a few columns. Gradients share the patches.
 */
const CONV_PIXELS = 64

/** Options of `conv`: a number applies to every spatial axis. */
export interface ConvOptions {
  readonly stride?: number
  readonly padding?: number | readonly number[]
}

/**
 * Cross-correlation over 1 to 3 spatial axes: x (n, in, ...), weight (out, in, ...), bias (out). `padding` is one
 * number, or one per axis, or the paddings before every axis followed by those after.
 */
export function conv(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const axes = x.rank - 2
  const { stride = 1, padding = 0 } = options
  const one = typeof padding === 'number' ? Array<number>(axes).fill(padding) : padding
  const pads = one.length === axes ? [...one, ...one] : one
  return applyConv(bias ? [x, weight, bias] : [x, weight], { strides: Array<number>(axes).fill(stride), pads })
}

const applyInputGrad = defineOp<ConvGeometry & { size: Shape }>({
  name: 'convInputGrad',
  cost: {
    kind: 'product',
    multiplyAdds: ({ inputs: [grad, weight] }) => grad!.size * (weight!.size / weight!.shape[0]!),
  },
  infer: (inputs, { size }) => {
    const [grad, weight] = inputs as [Tensor, Tensor]
    if (grad.rank !== weight.rank || grad.shape[1] !== weight.shape[0])
      fail('convInputGrad', inputs, 'takes (n, out, ...) and a weight (out, in, ...) of the same rank')
    return { shape: [grad.shape[0]!, weight.shape[1]!, ...size], dtype: grad.dtype }
  },
  vjp: ({ grad: cotangent, inputs: [grad, weight], attributes }) => [
    () => applyConv([cotangent, weight!], { strides: attributes.strides, pads: attributes.pads }),
    () => convWeightGrad(cotangent, grad!, spatial(weight!.shape), attributes),
  ],
  lower: (emitter, inputs, { output, inputs: [grad, weight], attributes: { strides, pads, size } }) => {
    const kernel = spatial(weight!.shape)
    const turned = turnedRound({ shape: grad!.shape, kernel, strides, pads })
    if (turned && fitsProduct(turned)) return emitInputProduct(emitter, inputs, output.shape, turned)
    // With stride 1 it is a convolution with the kernel turned round, which runs faster where turning is the lesser
    // work.
    if (turned && grad!.size >= TURNING * weight!.size) {
      const reversed = emitTurned(emitter, inputs[1]!, weight!.shape)
      return emitter.node('Conv', [inputs[0]!, reversed], { kernel_shape: kernel, strides, pads: turned.pads })
    }
    const reached = spatial(grad!.shape).map(
      (n, i) => (n - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[i + size.length]!,
    )
    return emitter.node('ConvTranspose', inputs, {
      kernel_shape: kernel,
      strides,
      pads,
      output_padding: size.map((n, i) => n - reached[i]!),
    })
  },
})

/** How many times as large as the weight a gradient must be for the weight to be turned round. */
const TURNING = 4

/**
 * A weight (out, in, ...) as (in, out, ...), its taps in reverse; by whole vectors of `out`, as single taps move
 * slowly.
 */
function emitTurned(emitter: Emitter, weight: string, [out, channels, ...kernel]: Shape): string {
  const flat = emitter.node('Reshape', [weight, emitter.ints([out!, channels!, -1])])
  const outLast = emitter.node('Transpose', [flat], { perm: [1, 2, 0] })
  const reversed = Array.from({ length: sizeOf(kernel) }, (_, i) => sizeOf(kernel) - 1 - i)
  const turned =
    reversed.length === 1 ? outLast : emitter.node('Gather', [outLast, emitter.ints(reversed)], { axis: 1 })
  const tapsLast = emitter.node('Transpose', [turned], { perm: [0, 2, 1] })
  return emitter.node('Reshape', [tapsLast, emitter.ints([channels!, out!, ...kernel])])
}

/** Gradient of `conv` by its input of spatial `size`: the transposed convolution of grad (n, out, ...). */
export function convInputGrad(grad: Tensor, weight: Tensor, size: Shape, geometry: ConvGeometry): Tensor {
  return applyInputGrad([grad, weight], { strides: geometry.strides, pads: geometry.pads, size })
}

const applyWeightGrad = defineOp<ConvGeometry & { kernel: Shape }>({
  name: 'convWeightGrad',
  cost: {
    kind: 'product',
    multiplyAdds: ({ output, inputs: [, grad] }) => grad!.size * (output.size / output.shape[0]!),
  },
  infer: (inputs, { kernel }) => {
    const [x, grad] = inputs as [Tensor, Tensor]
    if (x.rank !== grad.rank || x.shape[0] !== grad.shape[0])
      fail('convWeightGrad', inputs, 'takes (n, in, ...) and (n, out, ...) of the same rank')
    return { shape: [grad.shape[1]!, x.shape[1]!, ...kernel], dtype: x.dtype }
  },
  vjp: ({ grad: cotangent, inputs: [x, grad], attributes }) => [
    () => convInputGrad(grad!, cotangent, spatial(x!.shape), attributes),
    () => applyConv([x!, cotangent], { strides: attributes.strides, pads: attributes.pads }),
  ],
  lower: (emitter, inputs, { inputs: [x, grad], attributes: { strides, pads, kernel } }) => {
    const geometry = { shape: x!.shape, kernel, strides, pads }
    const turned = turnedRound({ ...geometry, shape: grad!.shape })
    return turned && fitsProduct(turned) && grad!.shape[1]! <= x!.shape[1]!
      ? emitWeightProductByGrad(emitter, inputs, x!.shape, turned)
      : emitWeightProduct(emitter, inputs, geometry, grad!.shape)
  },
})

/** Gradient of `conv` by its weight of spatial size `kernel`, from x (n, in, ...) and grad (n, out, ...). */
export function convWeightGrad(x: Tensor, grad: Tensor, kernel: Shape, geometry: ConvGeometry): Tensor {
  return applyWeightGrad([x, grad], { strides: geometry.strides, pads: geometry.pads, kernel })
}
