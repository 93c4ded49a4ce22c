import { defineOp, fail, type Emitter } from '../op.js'
import { sizeOf, type Shape, type Tensor } from '../tensor.js'
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
  lower: (emitter, inputs, { inputs: [, weight], attributes: { strides, pads } }) =>
    emitter.node('Conv', inputs, { kernel_shape: spatial(weight!.shape), strides, pads }),
})

/** Options of `conv`: a number applies to every spatial axis. */
export interface ConvOptions {
  readonly stride?: number
  readonly padding?: number | readonly number[]
}

/**
 * Cross-correlation over 1 to 3 spatial axes: x (n, in, ...), weight (out, in, ...), bias (out). `padding` is one number,
 * or one per axis, or the paddings before every axis followed by those after.
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
  lower: (emitter, inputs, { inputs: [grad, weight], attributes: { strides, pads, size } }) => {
    const kernel = spatial(weight!.shape)
    // With stride 1 it is a convolution with the kernel turned round, which runs faster where turning is the lesser work.
    const turns = strides.every((n) => n === 1) && pads.every((n, i) => n < kernel[i % kernel.length]!)
    if (turns && grad!.size >= TURNING * weight!.size) {
      const turned = emitTurned(emitter, inputs[1]!, weight!.shape)
      const rest = pads.map((n, i) => kernel[i % kernel.length]! - 1 - n)
      return emitter.node('Conv', [inputs[0]!, turned], { kernel_shape: kernel, strides, pads: rest })
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

/** A weight (out, in, ...) as (in, out, ...), its taps in reverse; by whole vectors of `out`, as single taps move slowly. */
function emitTurned(emitter: Emitter, weight: string, [out, channels, ...kernel]: Shape): string {
  const flat = emitter.node('Reshape', [weight, emitter.ints([out!, channels!, -1])])
  const outLast = emitter.node('Transpose', [flat], { perm: [1, 2, 0] })
  const reversed = taps(kernel).map((_, i, all) => all.length - 1 - i)
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
  lower: lowerWeightGrad,
})

/** Gradient of `conv` by its weight of spatial size `kernel`, from x (n, in, ...) and grad (n, out, ...). */
export function convWeightGrad(x: Tensor, grad: Tensor, kernel: Shape, geometry: ConvGeometry): Tensor {
  return applyWeightGrad([x, grad], { strides: geometry.strides, pads: geometry.pads, kernel })
}

/** All index tuples of a shape, last axis fastest. */
function taps(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (all, n) => all.flatMap((tap) => Array.from({ length: n }, (_, i) => [...tap, i])),
    [[]],
  )
}

// One matrix product: the gradient's rows by the input's patches. Batch and pixels together are its inner axis, so that nothing
// is left to be summed; the patches are picked out of the input laid out with its channels last, a whole pixel at a time.
// A convolution with kernels as large as the picture does the same sum at little more than half the speed.
function lowerWeightGrad(
  emitter: Emitter,
  [x, grad]: readonly string[],
  context: { inputs: readonly Tensor[]; attributes: ConvGeometry & { kernel: Shape } },
): string {
  const { strides, pads, kernel } = context.attributes
  const [input, output] = context.inputs as [Tensor, Tensor]
  const [samples, channels] = input.shape as [number, number]
  const out = output.shape[1]!
  const sizes = spatial(output.shape)
  const after = kernel.map((_, i) => i + 2)
  const channelsLast = emitter.node('Transpose', [x!], { perm: [0, ...after, 1] })
  const [before, behind] = [pads.slice(0, kernel.length), pads.slice(kernel.length)]
  // Every axis is named: where ONNX Runtime 1.30 moves a transpose past a Pad of some axes, its optimised graph is wrong (WebGPU).
  const padded = pads.some((p) => p > 0)
    ? emitter.node('Pad', [
        channelsLast,
        emitter.ints([0, ...before, 0, 0, ...behind, 0]),
        emitter.scalar(0, input.dtype),
      ])
    : channelsLast
  const pixels = emitter.node('Reshape', [padded, emitter.ints([-1, channels])])
  const paddedSizes = spatial(input.shape).map((n, i) => n + pads[i]! + pads[i + kernel.length]!)
  const whole = kernel.every((n, i) => n === 1 && strides[i] === 1) && pads.every((p) => p === 0)
  const outFirst = emitter.node('Transpose', [grad!], { perm: [1, 0, ...after] })
  const rows = emitter.node('Reshape', [outFirst, emitter.ints([out, -1])])
  const grid = { sizes: [samples, ...paddedSizes], outputs: sizes, strides }
  // Patches repeat every pixel once a tap; of many values, fewer taps at a time.
  const tapsAtOnce = Math.max(1, Math.floor(MAX_PATCHES / (samples * sizeOf(sizes) * channels)))
  const products = chunks(taps(kernel), tapsAtOnce).map((some) =>
    emitter.node('MatMul', [rows, whole ? pixels : emitPatches(emitter, pixels, grid, some)]),
  )
  const product = products.length === 1 ? products[0]! : emitter.node('Concat', products, { axis: 1 })
  const byTap = emitter.node('Reshape', [product, emitter.ints([out, -1, channels])])
  const tapsLast = kernel.every((n) => n === 1) ? byTap : emitter.node('Transpose', [byTap], { perm: [0, 2, 1] })
  return emitter.node('Reshape', [tapsLast, emitter.ints([out, channels, ...kernel])])
}

/** Most values that are picked out at once, unless one tap has more: 8 MB, which the product finds in the cache. */
const MAX_PATCHES = 2 ** 21

/** The list in as few parts of at most `size` as there can be, all of about one length. */
function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts = Math.ceil(list.length / size)
  const start = (i: number) => Math.round((i * list.length) / parts)
  return Array.from({ length: parts }, (_, i) => list.slice(start(i), start(i + 1)))
}

/** Samples and sizes of a padded input, and where a kernel is put on it. */
interface Grid {
  readonly sizes: Shape
  readonly outputs: Shape
  readonly strides: readonly number[]
}

/** What lies under some taps of the kernel at each position, (positions, taps c), out of pixels (samples and sizes, c). */
function emitPatches(
  emitter: Emitter,
  pixels: string,
  { sizes: [samples, ...sizes], outputs, strides }: Grid,
  kernelTaps: readonly (readonly number[])[],
): string {
  const steps = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)))
  const offset = (position: readonly number[]) => position.reduce((sum, n, axis) => sum + n * steps[axis]!, 0)
  const corners = taps(outputs).map((position) => offset(position.map((n, axis) => n * strides[axis]!)))
  const starts = Array.from({ length: samples! }, (_, n) => corners.map((corner) => n * sizeOf(sizes) + corner)).flat()
  const indices = emitter.node('Add', [
    emitter.constant(BigInt64Array.from(starts, BigInt), [starts.length, 1]),
    emitter.constant(
      BigInt64Array.from(kernelTaps, (tap) => BigInt(offset(tap))),
      [1, kernelTaps.length],
    ),
  ])
  const patches = emitter.node('Gather', [pixels, indices], { axis: 0 })
  return emitter.node('Reshape', [patches, emitter.ints([starts.length, -1])])
}
