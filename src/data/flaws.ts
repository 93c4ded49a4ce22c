import type { Frames } from '../media/frames.js'
import { gaussianKernel } from '../media/resize.js'
import type { Random } from '../runtime/random.js'

/** A flaw and how strong it is: 0 leaves the clip alone, 1 is the most. */
export interface Flaw {
  readonly name: string
  readonly strength: number
}

/** Which frames of the source are shown, in order; `length` is how many it has. */
type Timing = (shown: readonly number[], strength: number, random: Random, length: number) => number[]

/** Changes the pixels of frames in place. Lengths are in units of 1/128 of a side. */
type Retouch = (frames: Frames, strength: number, random: Random) => void

const TIMINGS: Readonly<Record<string, Timing>> = {
  /** After a while nothing moves any more; at 1 nothing ever does. */
  freeze: (shown, s) => {
    const last = Math.round((1 - s) * (shown.length - 1))
    return shown.map((_, t) => shown[Math.min(t, last)]!)
  },
  /** Frames change places, by about four at 1. */
  shuffle: (shown, s, random) => {
    const places = random.normals(shown.length).map((n, t) => t + 4 * s * n)
    return [...shown.keys()].sort((a, b) => places[a]! - places[b]!).map((t) => shown[t]!)
  },
  /** Backwards, whatever the strength. */
  reverse: (shown) => [...shown].reverse(),
  /** Up to twice as fast; behind the last frame of the source comes its first. */
  faster: (shown, s, _, length) => shown.map((_, t) => (shown[0]! + Math.round(t * (1 + s))) % length),
  /** Down to a quarter of the speed, each frame standing for a while. */
  slower: (shown, s) => shown.map((_, t) => shown[Math.round(t * (1 - 0.75 * s))]!),
}

const RETOUCHES: Readonly<Record<string, Retouch>> = {
  /** Grain of a deviation of up to 32 grey levels, new in each frame. */
  noise: ({ data, count }, s, random) => {
    // A table of a prime length, entered elsewhere for every frame, in place of a million draws.
    const table = random.normals(65_521).map((n) => 32 * s * n)
    const stride = data.length / count
    for (let f = 0; f < count; f++) {
      const offset = random.integer(table.length)
      for (let i = 0; i < stride; i++)
        data[f * stride + i] = clamp(data[f * stride + i]! + table[(offset + i) % table.length]!)
    }
  },
  /** A Gaussian of a deviation of up to 2.5. */
  blur: (frames, s) => {
    const sigma = (2.5 * s * frames.width) / 128
    const half = Math.max(1, Math.ceil(2.5 * sigma))
    const kernel = gaussianKernel(2 * half + 1, Math.max(sigma, 1e-3))
    convolve(frames, kernel, 3)
    convolve(frames, kernel, 3 * frames.width)
  },
  /** Each frame darker by its own share of up to about a third. */
  flicker: ({ data, count }, s, random) => {
    const stride = data.length / count
    const gains = [...random.normals(count)].map((n) => 1 - Math.min(0.6, 0.2 * s * Math.abs(n)))
    for (let i = 0; i < data.length; i++) data[i] = clamp(data[i]! * gains[Math.floor(i / stride)]!)
  },
  /** Each frame out of place by its own few pixels. */
  jitter: (frames, s, random) => {
    const reach = (3 * s * frames.width) / 128
    const shifts = [...random.normals(2 * frames.count)].map((n) => n * reach)
    displace(
      frames,
      (_, f) => shifts[2 * f]!,
      (_, f) => shifts[2 * f + 1]!,
    )
  },
  /** Rows and columns swing, by up to 5, differently from frame to frame. */
  warp: (frames, s, random) => {
    const reach = (5 * s * frames.width) / 128
    const wave = () => {
      const [phase, waves, drift] = [random.uniform(), 1 + 2 * random.uniform(), 0.3 * (random.uniform() - 0.5)]
      return (at: number, f: number) =>
        reach * Math.sin(2 * Math.PI * (phase + (waves * at) / frames.width + drift * f))
    }
    displace(frames, wave(), wave())
  },
  /** Frames drag the ones before behind them, up to three quarters. */
  trail: ({ data, count }, s) => {
    const stride = data.length / count
    const share = 0.75 * s
    for (let i = stride; i < data.length; i++) data[i] = clamp((1 - share) * data[i]! + share * data[i - stride]!)
  },
  /** Colours fade towards grey, entirely at 1. */
  fade: ({ data }, s) => {
    for (let i = 0; i < data.length; i += 3) {
      const grey = (data[i]! + data[i + 1]! + data[i + 2]!) / 3
      for (let c = i; c < i + 3; c++) data[c] = clamp(data[c]! + s * (grey - data[c]!))
    }
  },
}

/** The names of all flaws that `flawed` knows. */
export const FLAW_NAMES: readonly string[] = [...Object.keys(TIMINGS), ...Object.keys(RETOUCHES)]

/**
 * A window of a clip with flaws such as generated clips have, in the order given, those of time before those of pixels:
 * what a feature network must be able to see.
 *
 * @param source the whole clip
 * @param start the window's first frame in it; `start + count` is at most its length
 * @param flaws of `FLAW_NAMES`; a strength of 0 is no flaw
 */
export function flawed(source: Frames, start: number, count: number, flaws: readonly Flaw[], random: Random): Frames {
  const present = flaws.filter(({ strength }) => strength > 0)
  let shown = Array.from({ length: count }, (_, t) => start + t)
  for (const { name, strength } of present) shown = TIMINGS[name]?.(shown, strength, random, source.count) ?? shown
  const { width, height } = source
  const stride = 3 * width * height
  const data = new Uint8Array(count * stride)
  shown.forEach((from, t) => data.set(source.data.subarray(from * stride, (from + 1) * stride), t * stride))
  const frames = { width, height, count, data }
  for (const { name, strength } of present) {
    if (!FLAW_NAMES.includes(name)) throw new RangeError(`there is no flaw ${name}`)
    RETOUCHES[name]?.(frames, strength, random)
  }
  return frames
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value + 0.5
}

/** Convolves each frame along the axis whose neighbours lie `step` bytes apart; edges repeat. */
function convolve({ width, height, data }: Frames, kernel: Float64Array, step: number): void {
  const length = step === 3 ? width : height
  const half = (kernel.length - 1) / 2
  const line = new Float64Array(length + 2 * half)
  const lines = data.length / length
  for (let l = 0; l < lines; l++) {
    // Lines are numbered over (count, the other axis, channels).
    const base =
      step === 3 ? Math.floor(l / 3) * step * width + (l % 3) : Math.floor(l / step) * step * height + (l % step)
    for (let i = 0; i < line.length; i++) line[i] = data[base + step * Math.min(length - 1, Math.max(0, i - half))]!
    for (let i = 0; i < length; i++) {
      let sum = 0.5
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[i + k]!
      data[base + step * i] = sum
    }
  }
}

/**
 * Moves pixels, bilinearly: right by `dx` of their row and frame, down by `dy` of their column and frame; edges repeat.
 */
function displace(
  { width, height, count, data }: Frames,
  dx: (row: number, frame: number) => number,
  dy: (column: number, frame: number) => number,
): void {
  const stride = 3 * width * height
  for (let f = 0; f < count; f++) {
    const source = data.slice(f * stride, (f + 1) * stride)
    const columns = Array.from({ length: width }, (_, x) => dy(x, f))
    for (let y = 0, at = f * stride; y < height; y++) {
      const shift = dx(y, f)
      for (let x = 0; x < width; x++) {
        const [left, right, across] = neighbours(x - shift, width)
        const [top, bottom, down] = neighbours(y - columns[x]!, height)
        for (let c = 0; c < 3; c++, at++) {
          const above = mix(source[3 * (top * width + left) + c]!, source[3 * (top * width + right) + c]!, across)
          const below = mix(source[3 * (bottom * width + left) + c]!, source[3 * (bottom * width + right) + c]!, across)
          data[at] = mix(above, below, down) + 0.5
        }
      }
    }
  }
}

function mix(a: number, b: number, share: number): number {
  return a + share * (b - a)
}

/** The pixels on both sides of a place, and the share of the second. */
function neighbours(place: number, length: number): [number, number, number] {
  const held = Math.min(length - 1, Math.max(0, place))
  const first = Math.floor(held)
  return [first, Math.min(length - 1, first + 1), held - first]
}
