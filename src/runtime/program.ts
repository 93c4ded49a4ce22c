/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[]

/** Element types of the graph language. Arithmetic is on floats; int64 indexes; bool comes from comparisons. */
export type DType = 'float32' | 'float16' | 'int64' | 'bool'

/** Bytes of a weight inside a checkpoint file, row-major and little-endian. */
export interface StoredBytes {
  readonly file: string
  readonly offset: number
  readonly byteLength: number
  readonly dtype: 'F32' | 'F16' | 'BF16'
}

/** What follows the last slash of a path or URL. */
export function baseName(file: string): string {
  return file.split(/[\\/]/).at(-1)!
}

/**
 * The name under which a model knows one of its checkpoint files: its base name, after its number where an earlier file
 * has the same, as files may be links into several folders.
 */
export function locationOf(file: string, files: readonly string[]): string {
  const index = files.indexOf(file)
  const name = baseName(file)
  return files.slice(0, index).some((other) => baseName(other) === name) ? `${index}-${name}` : name
}

/** Name, shape and type of what goes into or comes out of a graph. */
export interface Port {
  readonly name: string
  readonly shape: Shape
  readonly dtype: DType
}

/** A graph ready for ONNX Runtime. */
export interface LoweredGraph {
  /** A serialised ONNX ModelProto, opset 18 and com.microsoft. */
  readonly model: Uint8Array<ArrayBuffer>
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** Checkpoint files that initialisers point into; the model knows them by `locationOf`. */
  readonly files: readonly string[]
  readonly nodeCount: number
  /**
   * Whether it is to need the least memory: weights are read where they lie and converted when they are used, and every
   * buffer is freed after its last use. It opens at once. Otherwise weights are laid out for speed as the graph is
   * opened, which pays for one that runs often, or whose weights outweigh its arithmetic.
   */
  readonly lean: boolean
}

/**
 * Holds what is fed to a port against its shape.
 *
 * @throws RangeError when it has another number of values, or there are none.
 */
export function checkedFeed({ name, shape }: Port, values: Values | undefined): Values {
  const size = shape.reduce((product, n) => product * n, 1)
  if (values?.length === size) return values
  throw new RangeError(`${name} takes ${size} values [${shape.join(',')}], got ${values?.length ?? 'none'}`)
}

/** Values of one tensor: float32, or int64 for indices. */
export type Values = Float32Array | BigInt64Array

/** A graph opened on a device. */
export interface Program {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /**
   * Runs the graph once. `feeds` has an array for every input; outputs are returned as new arrays, or written into
   * those of `into`. One of these may be a feed only where the graph reads that no later than in the operation, element
   * by element, that makes the output.
   */
  run(
    feeds: Readonly<Record<string, Values>>,
    into?: Readonly<Record<string, Float32Array>>,
  ): Promise<Record<string, Float32Array>>
  /** Frees the device memory; the program cannot run after. */
  dispose(): Promise<void>
}

/** Opens graphs on one device. */
export interface Engine {
  readonly device: string
  load(graph: LoweredGraph): Promise<Program>
}
