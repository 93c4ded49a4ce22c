import { sizeOf, type Shape } from '../../graph/tensor.js'

/** Where a tensor lies in a flat vector. */
export interface Span {
  readonly name: string
  readonly shape: Shape
  readonly offset: number
  readonly size: number
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
    return Object.fromEntries(
      this.spans.map(({ name, offset, size }) => [prefix + name, vector.subarray(offset, offset + size)]),
    )
  }

  /** Copies what `part` names out of a vector of this layout. */
  extract(vector: Float32Array, part: Layout): Float32Array {
    const views = this.views(vector)
    const values = new Float32Array(part.size)
    for (const { name, offset } of part.spans) values.set(views[name]!, offset)
    return values
  }

  /** A copy of a vector of this layout with the values of `part` in it. */
  replace(vector: Float32Array, part: Layout, values: Float32Array): Float32Array {
    const copy = vector.slice()
    const views = this.views(copy)
    for (const { name, offset, size } of part.spans) views[name]!.set(values.subarray(offset, offset + size))
    return copy
  }

  /** The vector's tensors, to be saved. */
  *tensors(vector: Float32Array): Generator<{ name: string; shape: Shape; data: Float32Array }> {
    for (const { name, shape, offset, size } of this.spans)
      yield { name, shape, data: vector.subarray(offset, offset + size) }
  }
}
