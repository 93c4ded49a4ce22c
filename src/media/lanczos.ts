import type { Frames, Picture } from './frames.js'

/** Pillow's 8-bit resampling keeps weights as integers of this many fractional bits. */
const PRECISION_BITS = 22
const SUPPORT = 3

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function lanczos(x: number): number {
  return x >= -SUPPORT && x < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0
}

/** For one output pixel: the first input pixel that it draws on, and fixed-point weights from there on. */
interface Window {
  readonly first: number
  readonly weights: Int32Array
}

/** The windows of one axis; when shrinking, the filter is as much wider. */
function windows(from: number, to: number): Window[] {
  const scale = from / to
  const stretch = Math.max(scale, 1)
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale
    const first = Math.max(Math.trunc(centre - SUPPORT * stretch + 0.5), 0)
    const end = Math.min(Math.trunc(centre + SUPPORT * stretch + 0.5), from)
    const weights = Array.from({ length: end - first }, (_, k) => lanczos((first + k - centre + 0.5) / stretch))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const fixed = weights.map((weight) => {
      const scaled = (weight / sum) * 2 ** PRECISION_BITS
      return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5))
    })
    return { first, weights: Int32Array.from(fixed) }
  })
}

/**
 * Resamples the middle axis of (outer, length, inner) bytes, rounding to bytes again as Pillow does after each axis.
 */
function resampleAxis(data: Uint8Array, outer: number, length: number, inner: number, to: number): Uint8Array {
  if (to === length) return data
  const axis = windows(length, to)
  const out = new Uint8Array(outer * to * inner)
  for (let o = 0, j = 0; o < outer; o++) {
    for (const { first, weights } of axis) {
      for (let x = 0; x < inner; x++, j++) {
        let sum = 1 << (PRECISION_BITS - 1)
        for (let k = 0, at = (o * length + first) * inner + x; k < weights.length; k++, at += inner) {
          sum = (sum + Math.imul(weights[k]!, data[at]!)) | 0
        }
        out[j] = Math.min(Math.max(sum >> PRECISION_BITS, 0), 255)
      }
    }
  }
  return out
}

/**
 * Resizes pictures as `Image.resize(size, LANCZOS)` of Pillow 13 does, to the bit: in fixed point, one axis after the
 * other, each rounded to 8 bits; an axis that keeps its length is left alone. Pillow up to 12 took the width first
 * always, 13 takes the height first where that loses more than twice as many pixels as the width. The aspect ratio is
 * not kept.
 */
export function resizeLanczos(frames: Frames, width: number, height: number): Frames {
  return { width, height, count: frames.count, data: resample(frames, 3, width, height) }
}

/** The same for a picture and its opacity: as its colours are on white, they stay true to each other. */
export function resizePicture(picture: Picture, width: number, height: number): Picture {
  const { alpha, ...colours } = picture
  const { data } = resizeLanczos({ ...colours, count: 1 }, width, height)
  if (!alpha) return { width, height, data }
  return { width, height, data, alpha: resample({ ...picture, data: alpha, count: 1 }, 1, width, height) }
}

function resample({ data, count, width, height }: Frames, channels: number, newWidth: number, newHeight: number) {
  if (newHeight < height && height - newHeight > 2 * (width - newWidth)) {
    const columns = resampleAxis(data, count, height, width * channels, newHeight)
    return resampleAxis(columns, count * newHeight, width, channels, newWidth)
  }
  const rows = resampleAxis(data, count * height, width, channels, newWidth)
  return resampleAxis(rows, count, height, newWidth * channels, newHeight)
}
