import type { Shape } from '../runtime/program.js'
import { message, type MessageWriter } from '../runtime/protobuf.js'
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

function writeNode(w: MessageWriter, node: OnnxNode): void {
  for (const name of node.input) w.string(1, name)
  for (const name of node.output) w.string(2, name)
  w.string(4, node.opType)
  for (const [name, value] of Object.entries(node.attributes))
    w.message(5, (attribute) => writeAttribute(attribute, name, value))
  if (node.domain !== '') w.string(7, node.domain)
}

/** AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, string: 3, ints: 7 }

function writeAttribute(w: MessageWriter, name: string, value: OnnxAttribute): void {
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

function writeTensor(w: MessageWriter, { name, shape, dataType, data }: OnnxTensor): void {
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

function writePort(w: MessageWriter, { name, dataType, shape }: OnnxPort): void {
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
