import { open } from 'node:fs/promises'
import { UserError } from '../errors.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import {
  cannotRead,
  readBytes,
  readCheckpointHeaders,
  type StoredTensor,
  type Variant,
} from './checkpoint-files.node.js'
import { checkTensors } from './check-tensors.js'
import { fromFloat32, toFloat32, type FloatDType } from './convert.js'
import { quote } from './json.js'
import { layOutSafetensors } from './safetensors.js'

/** Tensors in one or more safetensors files: headers are read when it is opened, values when asked for. */
export class Checkpoint {
  private constructor(
    /** What was opened. */
    readonly path: string,
    /** All tensors by name, in the order of their bytes. */
    readonly tensors: ReadonlyMap<string, StoredTensor>,
    /** The `__metadata__` of a checkpoint that is a single file. */
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /**
   * Opens a .safetensors file, the index of a sharded checkpoint (`*.safetensors.index.json`), or a component's folder
   * in the layout of diffusers or transformers. In a folder, full precision is preferred; `variant: 'fp16'` asks for
   * the half-precision file.
   *
   * @throws UserError when there is no checkpoint, a header is malformed, or the index and its shards disagree.
   */
  static async open(path: string, options: { readonly variant?: Variant } = {}): Promise<Checkpoint> {
    const { tensors, metadata } = await readCheckpointHeaders(path, options.variant)
    return new Checkpoint(path, tensors, metadata)
  }

  /**
   * The values of a tensor as float32, row-major.
   *
   * @throws UserError when there is no such tensor, or the file has changed since it was opened.
   */
  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const tensor = this.tensors.get(name)
    if (!tensor) throw new UserError(`${this.path} has no tensor ${quote(name)}; use the checkpoint of this model`)
    const handle = await open(tensor.file).catch((error: unknown) => {
      throw cannotRead(tensor.file, error)
    })
    try {
      return toFloat32(tensor.dtype, await readBytes(handle, tensor.file, tensor.offset, tensor.byteLength))
    } finally {
      await handle.close()
    }
  }

  /** The values of all tensors by name, as `read` gives them. */
  async readAll(): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const values = new Map<string, Float32Array<ArrayBuffer>>()
    for (const name of this.tensors.keys()) values.set(name, await this.read(name))
    return values
  }

  /**
   * Checks that the checkpoint has exactly the tensors of a model, in their shapes. `what` names the model in the
   * error; tensors that the model does not have are let pass where their names match `ignore`.
   *
   * @throws UserError naming the first tensors that are missing, unexpected or of another shape.
   */
  checkAgainst(
    expected: ReadonlyMap<string, readonly number[]>,
    what: string,
    options: { readonly ignore?: RegExp } = {},
  ): void {
    checkTensors(this.path, this.tensors, expected, what, options)
  }
}

/**
 * A tensor to be saved: `data` has the product of `shape` values, row-major, or makes them when their turn to be
 * written comes, so that a checkpoint larger than memory can be saved.
 */
export interface NamedValues {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array | (() => Float32Array)
}

/**
 * Writes a .safetensors file as a whole or not at all. Values are converted to `dtype`, F32 by default, one tensor at a
 * time while they are written. `metadata` is added to `format: pt`, which diffusers and transformers ask for.
 *
 * @throws UserError when the file cannot be written.
 */
export async function saveCheckpoint(
  path: string,
  tensors: Iterable<NamedValues>,
  options: { readonly dtype?: FloatDType; readonly metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { dtype = 'F32', metadata } = options
  const specs = Array.from(tensors, (tensor) => ({ ...tensor, dtype }))
  for (const { data, ...tensor } of specs) if (typeof data !== 'function') checkSize(tensor, data)
  const { prefix, order } = layOutSafetensors(specs, { format: 'pt', ...metadata })
  // Node's writeFile takes the chunks of an iterable as well as one array.
  await writeFileAtomic(path, chunks(prefix, order) as Iterable<Uint8Array> as Uint8Array)
}

function* chunks(prefix: Uint8Array, tensors: readonly (NamedValues & { dtype: FloatDType })[]): Generator<Uint8Array> {
  yield prefix
  for (const { dtype, data, ...tensor } of tensors) {
    const values = typeof data === 'function' ? data() : data
    checkSize(tensor, values)
    yield fromFloat32(dtype, values)
  }
}

function checkSize({ name, shape }: Omit<NamedValues, 'data'>, values: Float32Array): void {
  const size = shape.reduce((product, axis) => product * axis, 1)
  if (values.length !== size)
    throw new Error(`${quote(name)} has ${values.length} values for shape [${shape.join(', ')}]`)
}
