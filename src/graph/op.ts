import { describe, Tensor, type DType, type Shape } from './tensor.js'

/** An ONNX attribute: an integer, a list of integers, a string, or `{ float }`. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number }

/** What an op needs to write itself as ONNX nodes. Equal nodes are emitted once, so gradients share forward values. */
export interface Emitter {
  /**
   * True when the tensor at hand has a gradient in the graph: forms whose intermediate values that reuses are
   * preferred.
   */
  readonly training: boolean
  /** Emits a node of one output and returns that output's name. */
  node(type: string, inputs: readonly string[], attributes?: Record<string, OnnxAttribute>, domain?: string): string
  /** Emits a node of several outputs and returns their names. */
  nodes(type: string, inputs: readonly string[], outputs: number, attributes?: Record<string, OnnxAttribute>): string[]
  /** A constant in the graph's file. */
  constant(data: Float32Array | BigInt64Array, shape: Shape): string
  /** A list of int64, as the shape-like inputs of ONNX nodes want it. */
  ints(values: readonly number[]): string
  /** A float constant of the given type with shape []. */
  scalar(value: number, dtype: DType): string
}

/** The ONNX Runtime operators that standard ONNX lacks. */
export const MICROSOFT = 'com.microsoft'

/** A gradient of one input, made only when asked for; null where none exists. */
export type LazyGradient = (() => Tensor) | null

/** An op's place in a graph. */
interface OpContext<A> {
  readonly output: Tensor
  readonly inputs: readonly Tensor[]
  readonly attributes: A
}

/**
 * What an op asks of a machine. Passes over a graph (FLOPs, memory, half precision) read it, and know no op by name.
 *
 * - `product`: of matrices, in some form. Worth half precision: hardware multiplies twice as fast in it, and adds up in single.
 * - `full`: sums, powers or angles, which half precision would overflow or blur.
 * - `plain`: in the precision of what reaches it.
 * - `view`: the same, and its result shares the memory of its first input.
 */
export type OpCost<A> = {
  /** Elements that a lean program holds while the op runs, beside its inputs and its result. Left out: none. */
  readonly scratch?: (context: OpContext<A>) => number
} & (
  | { readonly kind: 'product'; readonly multiplyAdds: (context: OpContext<A>) => number }
  | { readonly kind: 'full' | 'plain' | 'view' }
)

/**
 * One operation: its shape rule, its gradient and its lowering to ONNX. `vjp` gives, for every input, the product of
 * the cotangent `grad` with the Jacobian, written in ops, so that gradients can be differentiated again.
 */
export interface OpSpec<A extends object> {
  readonly name: string
  readonly cost: OpCost<A>
  /** The result's shape and type. Throws (through `fail`) when the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: A): { shape: Shape; dtype: DType }
  /** Left out where the result is not differentiable. */
  vjp?(context: OpContext<A> & { grad: Tensor }): readonly LazyGradient[]
  /** The same result in other ops: what a graph with gradients computes instead, to share values with the gradient. */
  expand?(inputs: readonly Tensor[], attributes: A): Tensor
  /** Emits ONNX nodes for the named inputs; returns the output's name. */
  lower(emitter: Emitter, inputs: readonly string[], context: OpContext<A>): string
}

/** An operation whose attribute type has been forgotten, as the graph stores it. */
export type Op = OpSpec<object>

const registry = new Map<string, Op>()

/** Every operation of the language, by name; tests walk it. */
export function allOps(): ReadonlyMap<string, Op> {
  return registry
}

/** Registers an operation and returns the function that applies it. */
export function defineOp<A extends object>(spec: OpSpec<A>): (inputs: readonly Tensor[], attributes: A) => Tensor {
  const op = spec as unknown as Op
  registry.set(spec.name, op)
  return (inputs, attributes) => {
    const { shape, dtype } = spec.infer(inputs, attributes)
    return new Tensor(op, inputs, attributes, shape, dtype)
  }
}

/** A shape or type error of an op: names the op, its operands, and the rule they break. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** Throws a ShapeError naming the op, every operand and the rule. */
export function fail(op: string, inputs: readonly Tensor[], rule: string): never {
  throw new ShapeError(`${op}(${inputs.map(describe).join(', ')}): ${rule}`)
}
