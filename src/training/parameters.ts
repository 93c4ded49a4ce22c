import { sizeOf, type Shape } from '../graph/tensor.js'

/** Where a tensor lies in a flat vector. */
export interface Span {
  readonly name: string
  readonly shape: Shape
  readonly offset: number
  readonly size: number
}

/** The places of `spans` in a vector, by `prefix` and name. They share its memory. */
export function windows(spans: readonly Span[], vector: Float32Array, prefix = ''): Record<string, Float32Array> {
  return Object.fromEntries(
    spans.map(({ name, offset, size }) => [prefix + name, vector.subarray(offset, offset + size)]),
  )
}

/** Names and shapes laid one after another in a vector. */
export class Layout {
  readonly spans: readonly Span[]
  readonly size: number

  constructor(shapes: Iterable<readonly [string, Shape]>) {
    let offset = 0
    this.spans = [...shapes].map(([name, shape]) => {
      const span = { name, shape, offset, size: sizeOf(shape) }
      offset += span.size
      return span
    })
    this.size = offset
  }

  /** Windows on a vector of this layout, by `prefix` and name. They share its memory. */
  views(vector: Float32Array, prefix = ''): Record<string, Float32Array> {
    return windows(this.spans, vector, prefix)
  }

  /** The vector's tensors, to be saved. */
  *tensors(vector: Float32Array): Generator<{ name: string; shape: Shape; data: Float32Array }> {
    for (const { name, shape, offset, size } of this.spans)
      yield { name, shape, data: vector.subarray(offset, offset + size) }
  }
}
