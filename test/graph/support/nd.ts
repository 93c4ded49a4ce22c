import { sizeOf, type Shape } from '../../../src/graph/tensor.js'

/** A small array with a shape, row-major: what the plain reference implementations compute with. */
export interface Nd {
  readonly shape: Shape
  readonly data: Float32Array
}

/** All index tuples of a shape, last axis fastest. */
export function indices(shape: Shape): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let rest = flat
    return shape
      .map((_, i) => shape.length - 1 - i)
      .map((axis) => {
        const index = rest % shape[axis]!
        rest = Math.floor(rest / shape[axis]!)
        return index
      })
      .reverse()
  })
}

/** The array whose entry at `index` is `value(index)`. */
export function tabulate(shape: Shape, value: (index: number[]) => number): Nd {
  return { shape, data: Float32Array.from(indices(shape), value) }
}

/** The entry at an index; 0 outside, which is what zero padding means. */
export function at({ shape, data }: Nd, index: readonly number[]): number {
  if (index.some((i, axis) => i < 0 || i >= shape[axis]!)) return 0
  return data[index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)]!
}

/** The entry that broadcasting shows at an index of a larger shape. */
export function broadcastAt(x: Nd, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length)
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  )
}

/** Sum of `term(i)` for i below n. */
export function total(n: number, term: (i: number) => number): number {
  let result = 0
  for (let i = 0; i < n; i++) result += term(i)
  return result
}

/** Evenly spread fractions in [0, 1), a different order for every seed: multiples of the golden ratio. */
function fraction(i: number, seed: number): number {
  const x = (i + 1) * 0.6180339887498949 + seed * 0.7548776662466927
  return x - Math.floor(x)
}

/** Values between `low` and `high`, the same in every run. */
export function values(shape: Shape, seed: number, low = -1.5, high = 1.5): Nd {
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => low + (high - low) * fraction(i, seed)) }
}

/**
 * Values that keep `gap` from each other and from zero, for functions with a kink: shuffled odd multiples of gap/2. Two
 * arrays with `phase` 0 and 0.25 also keep gap/4 from each other.
 */
export function separated(shape: Shape, seed: number, gap = 0.5, phase = 0): Nd {
  const n = sizeOf(shape)
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => fraction(a, seed) - fraction(b, seed))
  return { shape, data: Float32Array.from(order, (i) => gap * (i - Math.floor(n / 2) + 0.5 + phase)) }
}
