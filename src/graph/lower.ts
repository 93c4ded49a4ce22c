import { locationOf, type LoweredGraph, type Port, type StoredBytes } from '../runtime/program.js'
import { isDifferentiated, topologicalOrder } from './gradients.js'
import { inHalf } from './half.js'
import { leanNodes } from './lean.js'
import { encodeModel, type OnnxNode, type OnnxPort, type OnnxTensor } from './onnx.js'
import { MICROSOFT, type Emitter, type OnnxAttribute } from './op.js'
import { isParameter, leafName } from './ops/leaves.js'
import { onnxTypes } from './ops/select.js'
import { sameShape, type DType, type Shape, type Tensor } from './tensor.js'

/** How to lower. */
export interface LowerOptions {
  /** Where a parameter's values lie; parameters without an answer become inputs of the graph. */
  readonly bind?: (name: string) => StoredBytes | undefined
  /**
   * Which tensors are lowered in the forms that gradients share values with, see `Emitter.training`: all, none (the
   * default), or those that a gradient is carried through. The last leaves what is frozen in its faster, smaller form.
   */
  readonly training?: boolean | 'where differentiated'
  /** To need the least memory, see `LoweredGraph.lean`. Default: false. */
  readonly lean?: boolean
  /** To compute in float16 where that is safe, see `inHalf`; for inference alone. Default: false. */
  readonly half?: boolean
  /**
   * Whether attention is one operator that holds no (s, t) matrix, where no gradient asks for its parts. Default: true.
   */
  readonly fusedAttention?: boolean
}

const storedTypes = { F32: 1, F16: 10, BF16: 16 } as const
/**
 * Of the versions that have all ops used here, the one for which ONNX Runtime's CUDA provider has kernels: a kernel
 * that was registered for Pad 18, Equal 13 or ReduceMax 18 is not taken for the later versions of opsets 19 to 21, and
 * the node runs on the CPU (docs/gpu.md).
 */
const OPSET = 18

/**
 * Writes the named tensors as an ONNX model. What they do not need is left out; equal nodes are written once. Frozen
 * weights become initialisers that point into their checkpoint file (external data), in the type they are stored in.
 */
export function lower(outputs: Readonly<Record<string, Tensor>>, options: LowerOptions = {}): LoweredGraph {
  const writer = new OnnxWriter()
  const { training = false, lean = false, half = false, fusedAttention = true } = options
  const names = new Map<Tensor, string>()
  const written = new Set<Tensor>()
  const inputs: Port[] = []
  const files: string[] = []

  const nameOf = (tensor: Tensor): string => {
    for (const node of topologicalOrder([tensor], written)) {
      writer.training = training === 'where differentiated' ? isDifferentiated(node) : training
      const leaf = leafName(node)
      if (leaf !== undefined) {
        const stored = isParameter(node) ? options.bind?.(leaf) : undefined
        if (stored) {
          if (!files.includes(stored.file)) files.push(stored.file)
          names.set(node, writer.stored(leaf, node.shape, stored, locationOf(stored.file, files)))
        } else {
          addInput(inputs, { name: leaf, shape: node.shape, dtype: node.dtype })
          names.set(node, leaf)
        }
      } else if (node.op.expand && (writer.training || !fusedAttention)) {
        names.set(node, nameOf(node.op.expand(node.inputs, node.attributes)))
      } else {
        const context = { output: node, inputs: node.inputs, attributes: node.attributes }
        names.set(
          node,
          node.op.lower(
            writer,
            node.inputs.map((x) => names.get(x)!),
            context,
          ),
        )
      }
    }
    return names.get(tensor)!
  }

  const ports = Object.entries(half ? inHalf(outputs) : outputs).map(([name, tensor]): Port => {
    checkName(name)
    writer.alias(nameOf(tensor), name)
    return { name, shape: tensor.shape, dtype: tensor.dtype }
  })
  const model = writer.finish(inputs, ports, lean)
  return { model, inputs, outputs: ports, files, nodeCount: writer.nodeCount, lean }
}

function checkName(name: string): void {
  if (name.startsWith(INNER)) throw new Error(`lower: the name ${name} is kept for values inside the graph`)
}

function addInput(inputs: Port[], port: Port): void {
  checkName(port.name)
  const known = inputs.find((other) => other.name === port.name)
  if (known === undefined) inputs.push(port)
  else if (!sameShape(known.shape, port.shape) || known.dtype !== port.dtype)
    throw new Error(`lower: input ${port.name} is both [${known.shape.join(',')}] and [${port.shape.join(',')}]`)
}

/** Values inside a graph are %0, %1 and so on, so no input and no output may be. */
const INNER = '%'

/** Collects nodes and initialisers; equal ones are kept once. */
class OnnxWriter implements Emitter {
  private list: OnnxNode[] = []
  private initializers: OnnxTensor[] = []
  private readonly known = new Map<string, string[]>()
  private readonly made = new Set<string>()
  /** What the result of a reshape was made of. */
  private readonly reshaped = new Map<string, string>()
  /** Which weight in half precision a value in single is. */
  private readonly widened = new Map<string, string>()
  private readonly renamed = new Map<string, string>()
  private counter = 0
  training = false

  get nodeCount(): number {
    return this.list.length
  }

  node(type: string, inputs: readonly string[], attributes: Record<string, OnnxAttribute> = {}, domain = ''): string {
    return this.emit(type, inputs, 1, attributes, domain)[0]!
  }

  nodes(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Record<string, OnnxAttribute> = {},
  ): string[] {
    return this.emit(type, inputs, outputs, attributes, '')
  }

  private emit(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Record<string, OnnxAttribute>,
    domain: string,
  ): string[] {
    // A reshape of a reshape is one of what the first was given.
    const [first, ...rest] = inputs
    const source = type === 'Reshape' ? this.reshaped.get(first!) : undefined
    if (source !== undefined) return this.emit(type, [source, ...rest], outputs, attributes, domain)
    // Back in half precision, a weight is what lies in its file.
    const narrow = type === 'Cast' && attributes['to'] === onnxTypes.float16 ? this.widened.get(first!) : undefined
    if (narrow !== undefined) return [narrow]
    const key = `${type}(${inputs.join(',')})${JSON.stringify(attributes)}`
    const known = this.known.get(key)
    if (known) return known
    const output = Array.from({ length: outputs }, () => `${INNER}${this.counter++}`)
    this.list.push({ opType: type, domain, input: inputs, output, attributes })
    if (type === 'Reshape') this.reshaped.set(output[0]!, first!)
    this.known.set(key, output)
    for (const name of output) this.made.add(name)
    return output
  }

  constant(data: Float32Array | BigInt64Array, shape: Shape): string {
    // Ranges of one value are the common case, and their content is a short key.
    const uniform = data.every((value) => value === data[0])
    const content = uniform ? `${data[0]}*` : data.length <= 64 ? data.join(',') : `#${this.counter}`
    const key = `constant ${data.constructor.name} [${shape.join(',')}] ${Object.is(data[0], -0) ? '-' : ''}${content}`
    const known = this.known.get(key)
    if (known) return known[0]!
    const name = `${INNER}${this.counter++}`
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const dataType = data instanceof Float32Array ? onnxTypes.float32 : onnxTypes.int64
    this.initializers.push({ name, shape, dataType, data: bytes })
    this.known.set(key, [name])
    return name
  }

  ints(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length])
  }

  scalar(value: number, dtype: DType): string {
    const constant = this.constant(Float32Array.of(value), [])
    return dtype === 'float32' ? constant : this.node('Cast', [constant], { to: onnxTypes[dtype] })
  }

  stored(name: string, shape: Shape, bytes: StoredBytes, location: string): string {
    const known = this.known.get(`stored ${name}`)
    if (known) return known[0]!
    const place = { location, offset: bytes.offset, length: bytes.byteLength }
    this.initializers.push({ name, shape, dataType: storedTypes[bytes.dtype], data: place })
    const value = bytes.dtype === 'F32' ? name : this.node('Cast', [name], { to: onnxTypes.float32 })
    this.known.set(`stored ${name}`, [value])
    if (bytes.dtype === 'F16') this.widened.set(value, name)
    return value
  }

  /** Gives a value the name of a graph output. Only an input, a constant or a second name costs a copy. */
  alias(value: string, name: string): void {
    if (this.made.has(value) && !this.renamed.has(value)) this.renamed.set(value, name)
    else this.list.push({ opType: 'Identity', domain: '', input: [value], output: [name], attributes: {} })
  }

  finish(inputs: readonly Port[], outputs: readonly Port[], lean: boolean): Uint8Array<ArrayBuffer> {
    const final = (name: string) => this.renamed.get(name) ?? name
    for (const node of this.list) {
      node.input = node.input.map(final)
      node.output = node.output.map(final)
    }
    // Reshapes that were passed over are left out.
    const needed = new Set(outputs.map(({ name }) => name))
    for (const { input, output } of [...this.list].reverse())
      if (output.some((name) => needed.has(name))) input.forEach((name) => needed.add(name))
    this.list = this.list.filter(({ output }) => output.some((name) => needed.has(name)))
    this.initializers = this.initializers.filter(({ name }) => needed.has(name))
    const constants = this.initializers.map(({ name }) => name)
    return encodeModel({
      irVersion: 10,
      producer: 'sfv',
      opsets: { '': OPSET, [MICROSOFT]: 1 },
      nodes: lean ? leanNodes(this.list, constants, inputs) : this.list,
      initializers: this.initializers,
      inputs: inputs.map(onnxPort),
      outputs: outputs.map(onnxPort),
    })
  }
}

const onnxPort = ({ name, shape, dtype }: Port): OnnxPort => ({ name, shape, dataType: onnxTypes[dtype] })
