import type { Shape } from '../runtime/program.js'
import type { OnnxAttribute } from './op.js'

/** NodeProto: one operation. An empty string among the inputs stands for one that is left out. */
export interface OnnxNode {
  readonly opType: string
  readonly domain: string
  input: readonly string[]
  output: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/** TensorProto: values in the model, row-major and little-endian, or where they lie in a file. */
export interface OnnxTensor {
  readonly name: string
  readonly shape: Shape
  /** A TensorProto.DataType. */
  readonly dataType: number
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number }
}

/** ValueInfoProto: name, TensorProto.DataType and shape of an input or output. */
export interface OnnxPort {
  readonly name: string
  readonly dataType: number
  readonly shape: Shape
}

/** ModelProto with one graph. */
export interface OnnxModel {
  readonly irVersion: number
  readonly producer: string
  /** Versions of the operator sets, by domain. */
  readonly opsets: Readonly<Record<string, number>>
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxPort[]
  readonly outputs: readonly OnnxPort[]
}

/**
 * A model in ONNX's wire format (onnx/onnx.proto, protocol buffers). The few messages that are needed are written here:
 * a general library takes longer to load than the small UNet takes to open.
 */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  return message((w) => {
    w.integer(1, model.irVersion)
    w.string(2, model.producer)
    w.message(7, (graph) => {
      for (const node of model.nodes) graph.message(1, (w) => writeNode(w, node))
      graph.string(2, model.producer)
      for (const tensor of model.initializers) graph.message(5, (w) => writeTensor(w, tensor))
      for (const port of model.inputs) graph.message(11, (w) => writePort(w, port))
      for (const port of model.outputs) graph.message(12, (w) => writePort(w, port))
    })
    for (const [domain, version] of Object.entries(model.opsets))
      w.message(8, (opset) => {
        opset.string(1, domain)
        opset.integer(2, version)
      })
  })
}

function writeNode(w: Writer, node: OnnxNode): void {
  for (const name of node.input) w.string(1, name)
  for (const name of node.output) w.string(2, name)
  w.string(4, node.opType)
  for (const [name, value] of Object.entries(node.attributes))
    w.message(5, (attribute) => writeAttribute(attribute, name, value))
  if (node.domain !== '') w.string(7, node.domain)
}

/** AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, string: 3, ints: 7 }

function writeAttribute(w: Writer, name: string, value: OnnxAttribute): void {
  w.string(1, name)
  if (typeof value === 'number') {
    w.integer(3, value)
    w.integer(20, KIND.int)
  } else if (typeof value === 'string') {
    w.string(4, value)
    w.integer(20, KIND.string)
  } else if ('float' in value) {
    w.float(2, value.float)
    w.integer(20, KIND.float)
  } else {
    for (const n of value) w.integer(8, n)
    w.integer(20, KIND.ints)
  }
}

function writeTensor(w: Writer, { name, shape, dataType, data }: OnnxTensor): void {
  for (const n of shape) w.integer(1, n)
  w.integer(2, dataType)
  w.string(8, name)
  if (data instanceof Uint8Array) return w.bytes(9, data)
  for (const [key, value] of Object.entries(data))
    w.message(13, (entry) => {
      entry.string(1, key)
      entry.string(2, `${value}`)
    })
  w.integer(14, EXTERNAL)
}

/** TensorProto.DataLocation. */
const EXTERNAL = 1

function writePort(w: Writer, { name, dataType, shape }: OnnxPort): void {
  w.string(1, name)
  w.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, dataType)
      tensor.message(2, (of) => {
        for (const n of shape) of.message(1, (dim) => dim.integer(1, n))
      })
    }),
  )
}

const text = new TextEncoder()
/** Wire types of protocol buffers. */
const VARINT = 0
const DELIMITED = 2
const FIXED32 = 5
/** Bytes of a length that is filled in when the message is written: a varint may have more bytes than it needs. */
const LENGTH = 5

/** The fields of a message, appended to a buffer that grows. */
class Writer {
  #bytes = new Uint8Array(4096)
  #end = 0

  integer(field: number, value: number): void {
    this.#varint(field * 8 + VARINT)
    // Negative numbers take ten bytes, as 64-bit two's complement.
    if (value >= 0) this.#varint(value)
    else
      for (let rest = BigInt.asUintN(64, BigInt(value)), i = 0; i < 10; i++, rest >>= 7n)
        this.#byte(Number(rest & 127n) | (i < 9 ? 128 : 0))
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + FIXED32)
    this.#append(new Uint8Array(Float32Array.of(value).buffer))
  }

  string(field: number, value: string): void {
    this.bytes(field, text.encode(value))
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + DELIMITED)
    this.#varint(value.length)
    this.#append(value)
  }

  message(field: number, write: (w: Writer) => void): void {
    this.#varint(field * 8 + DELIMITED)
    const at = this.#end
    this.#append(new Uint8Array(LENGTH))
    write(this)
    let rest = this.#end - at - LENGTH
    for (let i = 0; i < LENGTH; i++, rest = Math.floor(rest / 128))
      this.#bytes[at + i] = (rest % 128) | (i < LENGTH - 1 ? 128 : 0)
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#end)
  }

  #varint(value: number): void {
    while (value > 127) {
      this.#byte((value % 128) | 128)
      value = Math.floor(value / 128)
    }
    this.#byte(value)
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#end++] = value
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#end + more))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

function message(write: (w: Writer) => void): Uint8Array<ArrayBuffer> {
  const w = new Writer()
  write(w)
  return w.finish()
}
