import type { Frames } from './frames.js'

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

/** How one axis is resampled: output i is the sum of `weights[i count + k]` times input `indices[i count + k]`. */
interface Taps {
  readonly count: number
  readonly indices: Int32Array
  readonly weights: Float64Array
}

/** The taps of `length` outputs, `count` each, from the input index and weight that `tap` gives for (output, k). */
function makeTaps(length: number, count: number, tap: (i: number, k: number) => [index: number, weight: number]): Taps {
  const indices = new Int32Array(length * count)
  const weights = new Float64Array(length * count)
  for (let j = 0; j < indices.length; j++) {
    const [index, weight] = tap(Math.floor(j / count), j % count)
    indices[j] = index
    weights[j] = weight
  }
  return { count, indices, weights }
}

/** Applies `taps` to the middle axis of (outer, length, inner) floats. */
function resampleAxis(data: Float32Array, outer: number, length: number, inner: number, taps: Taps): Float32Array {
  const { count, indices, weights } = taps
  const outputs = indices.length / count
  const out = new Float32Array(outer * outputs * inner)
  for (let o = 0, j = 0; o < outer; o++) {
    for (let i = 0; i < outputs; i++) {
      for (let x = 0; x < inner; x++, j++) {
        let sum = 0
        for (let t = i * count; t < (i + 1) * count; t++) {
          sum += weights[t]! * data[(o * length + indices[t]!) * inner + x]!
        }
        out[j] = sum
      }
    }
  }
  return out
}

function resample({ channels, height, width, data }: Planes, vertical: Taps, horizontal: Taps): Planes {
  const outWidth = horizontal.indices.length / horizontal.count
  const outHeight = vertical.indices.length / vertical.count
  const rows = resampleAxis(data, channels * height, width, 1, horizontal)
  const out = resampleAxis(rows, channels, height, outWidth, vertical)
  return { channels, height: outHeight, width: outWidth, data: out }
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
function blurTaps(from: number, to: number): Taps {
  const sigma = Math.max((from / to - 1) / 2, 0.001)
  const half = Math.floor(Math.max(4 * sigma, 3) / 2)
  const kernel = gaussianKernel(2 * half + 1, sigma)
  return makeTaps(from, kernel.length, (i, k) => [reflect(i + k - half, from), kernel[k]!])
}

/** Keys' cubic convolution with a = -0.75 at a distance in pixels. */
function cubic(distance: number): number {
  const a = -0.75
  const x = Math.abs(distance)
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0
}

/** Bicubic with the corner pixels of input and output on each other, the border pixel repeated. */
function bicubicTaps(from: number, to: number): Taps {
  const scale = to > 1 ? (from - 1) / (to - 1) : 0
  return makeTaps(to, 4, (i, k) => {
    const index = Math.floor(i * scale) + k - 1
    return [clamp(index, from), cubic(i * scale - index)]
  })
}

/** Bilinear with the edges of input and output on each other, the border pixel repeated. */
function bilinearTaps(from: number, to: number): Taps {
  return makeTaps(to, 2, (i, k) => {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const index = Math.floor(position) + k
    return [clamp(index, from), 1 - Math.abs(position - index)]
  })
}

/** The taps of `second` after those of `first`, so that only the pixels that are wanted are ever blurred. */
function compose(second: Taps, first: Taps): Taps {
  const outputs = second.indices.length / second.count
  return makeTaps(outputs, second.count * first.count, (i, k) => {
    const outer = i * second.count + Math.floor(k / first.count)
    const inner = second.indices[outer]! * first.count + (k % first.count)
    return [first.indices[inner]!, second.weights[outer]! * first.weights[inner]!]
  })
}

function antialiasedTaps(from: number, to: number): Taps {
  return compose(bicubicTaps(from, to), blurTaps(from, to))
}

/**
 * `_resize_with_antialiasing` of diffusers' `StableVideoDiffusionPipeline`: a Gaussian blur with mirrored borders, then
 * bicubic (a = -0.75, corners aligned). The aspect ratio is not kept.
 */
export function resizeWithAntialiasing(planes: Planes, { height, width }: Size): Planes {
  return resample(planes, antialiasedTaps(planes.height, height), antialiasedTaps(planes.width, width))
}

/** PyTorch's bilinear `interpolate` (corners not aligned, no antialiasing), with which frames are made ready for FVD. */
export function resizeBilinear(planes: Planes, { height, width }: Size): Planes {
  return resample(planes, bilinearTaps(planes.height, height), bilinearTaps(planes.width, width))
}

/** The first of `frames` as floats (3, height, width), each value of 0 to 255 through `map`. */
export function toPlanes({ height, width, data }: Frames, map: (value: number) => number): Planes {
  const pixels = height * width
  const table = Float32Array.from({ length: 256 }, (_, value) => map(value))
  const planes = new Float32Array(3 * pixels)
  for (let i = 0; i < planes.length; i++) planes[i] = table[data[(i % pixels) * 3 + Math.floor(i / pixels)]!]!
  return { channels: 3, height, width, data: planes }
}
