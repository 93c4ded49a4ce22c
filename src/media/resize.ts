import type { Picture } from './frames.js'

/** Pictures as floats: `data` in order (channels, height, width). */
export interface Planes {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly data: Float32Array
}

/** Height and width in pixels. */
export interface Size {
  readonly height: number
  readonly width: number
}

/** What one output pixel of an axis is made of: the sum of `weights[k]` times the input at `indices[k]`. */
interface Taps {
  readonly indices: Int32Array
  readonly weights: Float64Array
}

/** Taps from pairs of input index and weight; those of one index become one. */
function makeTaps(pairs: Iterable<readonly [index: number, weight: number]>): Taps {
  const merged = new Map<number, number>()
  for (const [index, weight] of pairs) merged.set(index, (merged.get(index) ?? 0) + weight)
  return { indices: Int32Array.from(merged.keys()), weights: Float64Array.from(merged.values()) }
}

/** Resamples the middle axis of (outer, length, inner) floats to one output for each of `axis`. */
function resampleAxis(
  data: Float32Array,
  outer: number,
  length: number,
  inner: number,
  axis: readonly Taps[],
): Float32Array {
  const out = new Float32Array(outer * axis.length * inner)
  for (let o = 0, j = 0; o < outer; o++) {
    for (const { indices, weights } of axis) {
      for (let x = 0; x < inner; x++, j++) {
        let sum = 0
        for (let k = 0; k < indices.length; k++) sum += weights[k]! * data[(o * length + indices[k]!) * inner + x]!
        out[j] = sum
      }
    }
  }
  return out
}

function resample(planes: Planes, vertical: readonly Taps[], horizontal: readonly Taps[]): Planes {
  const { channels, height, width } = planes
  const rows = resampleAxis(planes.data, channels * height, width, 1, horizontal)
  const data = resampleAxis(rows, channels, height, horizontal.length, vertical)
  return { channels, height: vertical.length, width: horizontal.length, data }
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1)
}

/** The index mirrored at the first and last pixel, which are not repeated; a single pixel is its own mirror. */
function reflect(index: number, length: number): number {
  if (length === 1) return 0
  const period = 2 * (length - 1)
  const wrapped = ((index % period) + period) % period
  return Math.min(wrapped, period - wrapped)
}

/** e^(-x^2 / (2 sigma^2)) at `length` whole x around 0, an odd number, of sum 1. */
export function gaussianKernel(length: number, sigma: number): Float64Array {
  const half = (length - 1) / 2
  const kernel = Float64Array.from({ length }, (_, k) => Math.exp(-((k - half) ** 2) / (2 * sigma * sigma)))
  const sum = kernel.reduce((total, weight) => total + weight, 0)
  return kernel.map((weight) => weight / sum)
}

/** The blur before a resize: when enlarging, sigma = 0.001 makes it the identity. */
function blurTaps(from: number, to: number): Taps[] {
  const sigma = Math.max((from / to - 1) / 2, 0.001)
  const half = Math.floor(Math.max(4 * sigma, 3) / 2)
  const kernel = [...gaussianKernel(2 * half + 1, sigma)]
  return Array.from({ length: from }, (_, i) =>
    makeTaps(kernel.map((weight, k) => [reflect(i + k - half, from), weight])),
  )
}

/** Keys' cubic convolution with a = -0.75 at a distance in pixels. */
function cubic(distance: number): number {
  const a = -0.75
  const x = Math.abs(distance)
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0
}

/** Bicubic with the corner pixels of input and output on each other, the border pixel repeated. */
function bicubicTaps(from: number, to: number): Taps[] {
  const scale = to > 1 ? (from - 1) / (to - 1) : 0
  return Array.from({ length: to }, (_, i) => {
    const first = Math.floor(i * scale) - 1
    return makeTaps([0, 1, 2, 3].map((k) => [clamp(first + k, from), cubic(i * scale - first - k)]))
  })
}

/** Bilinear with the edges of input and output on each other, the border pixel repeated. */
function bilinearTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const first = Math.floor(position)
    return makeTaps([0, 1].map((k) => [clamp(first + k, from), 1 - Math.abs(position - first - k)]))
  })
}

/** `second` after `first` as one step, so that only the pixels that are wanted are ever blurred. */
function compose(second: readonly Taps[], first: readonly Taps[]): Taps[] {
  function* products({ indices, weights }: Taps): Generator<readonly [number, number]> {
    for (const [k, weight] of weights.entries()) {
      const inner = first[indices[k]!]!
      for (const [n, innerWeight] of inner.weights.entries()) yield [inner.indices[n]!, weight * innerWeight]
    }
  }
  return second.map((taps) => makeTaps(products(taps)))
}

function antialiasedTaps(from: number, to: number): Taps[] {
  return compose(bicubicTaps(from, to), blurTaps(from, to))
}

/**
 * `_resize_with_antialiasing` of diffusers' `StableVideoDiffusionPipeline`: a Gaussian blur with mirrored borders, then
 * bicubic (a = -0.75, corners aligned). The aspect ratio is not kept.
 */
export function resizeWithAntialiasing(planes: Planes, { height, width }: Size): Planes {
  return resample(planes, antialiasedTaps(planes.height, height), antialiasedTaps(planes.width, width))
}

/**
 * PyTorch's bilinear `interpolate` (corners not aligned, no antialiasing), with which frames are made ready for FVD.
 */
export function resizeBilinear(planes: Planes, { height, width }: Size): Planes {
  return resample(planes, bilinearTaps(planes.height, height), bilinearTaps(planes.width, width))
}

/** A picture as floats (3, height, width), each value of 0 to 255 through `map`. */
export function toPlanes({ height, width, data }: Picture, map: (value: number) => number): Planes {
  const pixels = height * width
  const table = Float32Array.from({ length: 256 }, (_, value) => map(value))
  const planes = new Float32Array(3 * pixels)
  for (let channel = 0, i = 0; channel < 3; channel++) {
    for (let byte = channel; byte < 3 * pixels; byte += 3) planes[i++] = table[data[byte]!]!
  }
  return { channels: 3, height, width, data: planes }
}

/** A colour value of 0 to 255 as one of -1 to 1. */
export function toSigned(value: number): number {
  return (2 * value) / 255 - 1
}
