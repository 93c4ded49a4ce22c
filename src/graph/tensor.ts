import type { DType, Shape } from '../runtime/program.js'
import type { Op } from './op.js'

export type { DType, Shape } from '../runtime/program.js'

let created = 0

/**
 * A node of a static graph: what is computed (`op`, `attributes`) from what (`inputs`), and the shape and type of the
 * result. It holds no data. Tensors are made by the functions of `graph/ops`, which check shapes as they are called.
 */
export class Tensor {
  /** Creation order: every input of a tensor has a smaller id. */
  readonly id = created++

  /** The parameter last used on the way here, so that an error can say where in a model it happened. */
  readonly origin: string

  constructor(
    readonly op: Op,
    readonly inputs: readonly Tensor[],
    readonly attributes: object,
    readonly shape: Shape,
    readonly dtype: DType,
    name?: string,
  ) {
    this.origin = name ?? originOf(inputs)
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }
}

function originOf(inputs: readonly Tensor[]): string {
  const parameter = inputs.find((input) => input.op.name === 'parameter')
  return (parameter ?? inputs.find((input) => input.origin !== ''))?.origin ?? ''
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1)
}

/** Whether two shapes are the same, axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis])
}

/** Size of an axis; negative axes count from the end. Throws a RangeError when there is no such axis. */
export function dim(tensor: Tensor, axis: number): number {
  const size = tensor.shape[axis < 0 ? tensor.rank + axis : axis]
  if (size === undefined) throw new RangeError(`${describe(tensor)} has no axis ${axis}`)
  return size
}

/** `float32[2,3] at conv_in.weight`: how errors speak of a tensor. */
export function describe(tensor: Tensor): string {
  const where = tensor.origin === '' ? '' : ` at ${tensor.origin}`
  return `${tensor.dtype}[${tensor.shape.join(',')}]${where}`
}
