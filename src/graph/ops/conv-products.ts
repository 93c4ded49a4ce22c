import { MICROSOFT, type Emitter } from '../op.js'
import { sizeOf, type Shape } from '../tensor.js'

/**
 * Convolutions and their gradients as one matrix product: patches (positions, taps c), what lies under the kernel at
 * every position, by the weight. Batch and positions together are one axis. Patches are picked out of the picture laid
 * out with its channels last, a whole pixel at a time; equal ones are emitted once, so that products share them.
 */

/** Pictures (n, c, ...) and how a kernel is put on them. */
export interface Placement {
  readonly shape: Shape
  readonly kernel: Shape
  readonly strides: readonly number[]
  readonly pads: readonly number[]
  /** Whether patches list the kernel's last tap first. */
  readonly reversed?: boolean
}

const spatial = (shape: Shape): Shape => shape.slice(2)
const lastChannels = (shape: Shape): number[] => [0, ...spatial(shape).map((_, i) => i + 2), 1]

/**
 * How the kernel lies on the gradient (n, out, ...) for the gradient by the input: turned round, each tap as far from
 * the other edge. Undefined where the convolution takes steps.
 */
export function turnedRound({ shape, kernel, strides, pads }: Placement): Placement | undefined {
  const axes = kernel.length
  if (!strides.every((n) => n === 1) || !pads.every((n, i) => n < kernel[i % axes]!)) return undefined
  return { shape, kernel, strides, pads: pads.map((n, i) => kernel[i % axes]! - 1 - n), reversed: true }
}

/** Whether products are worth it for both gradients: small pictures in few enough patches to be held. */
export function fitsProduct({ shape, kernel }: Placement): boolean {
  return sizeOf(spatial(shape)) <= MAX_PIXELS && sizeOf(shape) * sizeOf(kernel) <= MAX_PATCHES
}

/**
 * Pixels up to which both gradients as products, sharing patches, are no slower than otherwise (docs/experiments.md).
 */
const MAX_PIXELS = 256

/** Most values of patches that both gradients share: 64 MB. */
const MAX_PATCHES = 2 ** 24
/**
 * Most values that are picked out at once where they are not shared, unless one tap has more: 8 MB, which stay in the
 * cache.
 */
const MAX_PART = 2 ** 21

/** The convolution of x by a weight (out, in, ...) and perhaps a bias: `output` is the result's shape. */
export function emitProduct(
  emitter: Emitter,
  [x, weight, ...bias]: readonly string[],
  output: Shape,
  placement: Placement,
): string {
  const patches = emitPatches(emitter, x!, placement, taps(placement.kernel))
  const [out, channels] = [output[1]!, placement.shape[1]!]
  const flat = emitter.node('Reshape', [weight!, emitter.ints([out, channels, -1])])
  const tapsFirst = emitter.node('Transpose', [flat], { perm: [0, 2, 1] })
  const rows = emitter.node('Reshape', [tapsFirst, emitter.ints([out, -1])])
  return emitChannelsFirst(emitter, emitter.node('Gemm', [patches, rows, ...bias], { transB: 1 }), output)
}

/** The gradient by the input, of shape `output`, from that of the result, placed by `turnedRound`, and the weight. */
export function emitInputProduct(
  emitter: Emitter,
  [grad, weight]: readonly string[],
  output: Shape,
  turned: Placement,
): string {
  const patches = emitPatches(emitter, grad!, turned, taps(turned.kernel))
  const [out, channels] = [turned.shape[1]!, output[1]!]
  const flat = emitter.node('Reshape', [weight!, emitter.ints([out, channels, -1])])
  const tapsFirst = emitter.node('Transpose', [flat], { perm: [2, 0, 1] })
  const rows = emitter.node('Reshape', [tapsFirst, emitter.ints([-1, channels])])
  return emitChannelsFirst(emitter, emitter.node('MatMul', [patches, rows]), output)
}

/**
 * The gradient by the weight from the patches of the gradient, placed by `turnedRound`, which that by the input needs
 * too.
 */
export function emitWeightProductByGrad(
  emitter: Emitter,
  [x, grad]: readonly string[],
  input: Shape,
  turned: Placement,
): string {
  const [out, channels] = [turned.shape[1]!, input[1]!]
  const rows = emitRows(emitter, x!, input)
  const patches = emitPatches(emitter, grad!, turned, taps(turned.kernel))
  const product = emitter.node('FusedMatMul', [rows, patches], { transA: 1 }, MICROSOFT)
  const byTap = emitter.node('Reshape', [product, emitter.ints([channels, -1, out])])
  const outFirst = emitter.node('Transpose', [byTap], { perm: [2, 0, 1] })
  return emitter.node('Reshape', [outFirst, emitter.ints([out, channels, ...turned.kernel])])
}

/** The gradient by the weight from the patches of the input, that of the result having shape `grads`. */
export function emitWeightProduct(
  emitter: Emitter,
  [x, grad]: readonly string[],
  placement: Placement,
  grads: Shape,
): string {
  const { shape, kernel } = placement
  const [out, channels] = [grads[1]!, shape[1]!]
  const rows = emitRows(emitter, grad!, grads)
  // Patches repeat every pixel once a tap; of many values, fewer taps at a time.
  const tapsAtOnce = Math.max(1, Math.floor(MAX_PART / (shape[0]! * sizeOf(spatial(grads)) * channels)))
  const products = chunks(taps(kernel), tapsAtOnce).map((some) =>
    emitter.node('FusedMatMul', [rows, emitPatches(emitter, x!, placement, some)], { transA: 1 }, MICROSOFT),
  )
  const product = products.length === 1 ? products[0]! : emitter.node('Concat', products, { axis: 1 })
  const byTap = emitter.node('Reshape', [product, emitter.ints([out, -1, channels])])
  const tapsLast = sizeOf(kernel) === 1 ? byTap : emitter.node('Transpose', [byTap], { perm: [0, 2, 1] })
  return emitter.node('Reshape', [tapsLast, emitter.ints([out, channels, ...kernel])])
}

/** Rows (positions, c) as pictures of the given shape (n, c, ...). */
function emitChannelsFirst(emitter: Emitter, rows: string, [n, c, ...sizes]: Shape): string {
  const picture = emitter.node('Reshape', [rows, emitter.ints([n!, ...sizes, c!])])
  return emitter.node('Transpose', [picture], { perm: [0, sizes.length + 1, ...sizes.map((_, i) => i + 1)] })
}

/** Pictures (n, c, ...) as rows (positions, c). */
function emitRows(emitter: Emitter, x: string, shape: Shape): string {
  const channelsLast = emitter.node('Transpose', [x], { perm: lastChannels(shape) })
  return emitter.node('Reshape', [channelsLast, emitter.ints([-1, shape[1]!])])
}

/** All index tuples of a shape, last axis fastest. */
function taps(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (all, n) => all.flatMap((tap) => Array.from({ length: n }, (_, i) => [...tap, i])),
    [[]],
  )
}

/** The list in as few parts of at most `size` as there can be, all of about one length. */
function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts = Math.ceil(list.length / size)
  const start = (i: number) => Math.round((i * list.length) / parts)
  return Array.from({ length: parts }, (_, i) => list.slice(start(i), start(i + 1)))
}

/** What lies under some taps of the kernel at each position, (positions, taps c). */
function emitPatches(
  emitter: Emitter,
  x: string,
  { shape, kernel, strides, pads, reversed = false }: Placement,
  some: readonly (readonly number[])[],
): string {
  const [samples, channels] = shape as [number, number]
  if (sizeOf(kernel) === 1 && strides.every((n) => n === 1) && pads.every((n) => n === 0))
    return emitRows(emitter, x, shape)
  const channelsLast = emitter.node('Transpose', [x], { perm: lastChannels(shape) })
  const [before, behind] = [pads.slice(0, kernel.length), pads.slice(kernel.length)]
  // Every axis is named: where ONNX Runtime 1.30 moves a transpose past a Pad of some axes, its optimised graph is
  // wrong (WebGPU).
  const padded = pads.some((n) => n > 0)
    ? emitter.node('Pad', [
        channelsLast,
        emitter.ints([0, ...before, 0, 0, ...behind, 0]),
        emitter.scalar(0, 'float32'),
      ])
    : channelsLast
  const pixels = emitter.node('Reshape', [padded, emitter.ints([-1, channels])])
  const sizes = spatial(shape).map((n, i) => n + pads[i]! + pads[i + kernel.length]!)
  const outputs = sizes.map((n, i) => Math.floor((n - kernel[i]!) / strides[i]!) + 1)
  const steps = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)))
  const offset = (position: readonly number[]) => position.reduce((sum, n, axis) => sum + n * steps[axis]!, 0)
  const corners = taps(outputs).map((position) => offset(position.map((n, axis) => n * strides[axis]!)))
  const starts = Array.from({ length: samples }, (_, n) => corners.map((corner) => n * sizeOf(sizes) + corner)).flat()
  const place = (tap: readonly number[]) => offset(reversed ? tap.map((n, i) => kernel[i]! - 1 - n) : tap)
  const indices = emitter.node('Add', [
    emitter.constant(BigInt64Array.from(starts, BigInt), [starts.length, 1]),
    emitter.constant(
      BigInt64Array.from(some, (tap) => BigInt(place(tap))),
      [1, some.length],
    ),
  ])
  const patches = emitter.node('Gather', [pixels, indices], { axis: 0 })
  return emitter.node('Reshape', [patches, emitter.ints([starts.length, -1])])
}
