import { encodeModel, type OnnxNode, type OnnxTensor } from '../src/graph/onnx.js'
import type { OnnxAttribute } from '../src/graph/op.js'
import type { Port, Shape } from '../src/runtime/program.js'

const FLOAT = 1
const INT64 = 7

/** Collects the nodes and constants of a graph that is written by hand; every method returns the name of a value. */
export class Graph {
  readonly #nodes: OnnxNode[] = []
  readonly #constants: OnnxTensor[] = []
  #count = 0

  /** A node of one output. */
  op(type: string, inputs: readonly string[], attributes: Record<string, OnnxAttribute> = {}, domain = ''): string {
    const output = [`n${this.#count++}`]
    this.#nodes.push({ opType: type, domain, input: inputs, output, attributes })
    return output[0]!
  }

  /** A list of int64. */
  ints(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt)
    return this.#constant([values.length], INT64, data)
  }

  /** Floats of a shape, under a name of their own where they are weights. */
  floats(values: Float32Array, shape: Shape, name?: string): string {
    return this.#constant(shape, FLOAT, values, name)
  }

  #constant(shape: Shape, dataType: number, values: BigInt64Array | Float32Array, given?: string): string {
    const name = given ?? `k${this.#count++}`
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    this.#constants.push({ name, shape, dataType, data })
    return name
  }

  /** The model of one output. */
  model(inputs: readonly Port[], value: string, output: Port): Uint8Array<ArrayBuffer> {
    this.#nodes.push({ opType: 'Identity', domain: '', input: [value], output: [output.name], attributes: {} })
    const port = ({ name, shape }: Port) => ({ name, dataType: FLOAT, shape })
    return encodeModel({
      irVersion: 10,
      producer: 'hand',
      opsets: { '': 21, 'com.microsoft': 1 },
      nodes: this.#nodes,
      initializers: this.#constants,
      inputs: inputs.map(port),
      outputs: [port(output)],
    })
  }
}
