import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import type { Port } from '../src/runtime/program.js'

type Attribute = number | readonly number[]
type Node = readonly [type: string, inputs: readonly string[], output: string, attributes?: Record<string, Attribute>]

const FLOAT = 1
const INT64 = 7

function attribute(name: string, value: Attribute) {
  if (typeof value !== 'number') return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: value.map(BigInt) })
  if (name === 'epsilon') return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value })
  return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value) })
}

function valueInfo({ name, shape }: Port) {
  const dim = shape.map((n) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue' as const, value: BigInt(n) } }),
  )
  const tensor = create(TypeProto_TensorSchema, { elemType: FLOAT, shape: create(TensorShapeProtoSchema, { dim }) })
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType' as const, value: tensor } }),
  })
}

function model(
  nodes: readonly Node[],
  ints: Readonly<Record<string, readonly number[]>>,
  inputs: readonly Port[],
  output: Port,
) {
  const initializer = Object.entries(ints).map(([name, list]) =>
    create(TensorProtoSchema, { name, dims: [BigInt(list.length)], dataType: INT64, int64Data: list.map(BigInt) }),
  )
  const ones = (name: string, value: number) =>
    create(TensorProtoSchema, { name, dims: [32n], dataType: FLOAT, floatData: Array<number>(32).fill(value) })
  const graph = create(GraphProtoSchema, {
    name: 'hand-written',
    node: nodes.map(([opType, input, out, attributes = {}]) =>
      create(NodeProtoSchema, {
        opType,
        input: [...input],
        output: [out],
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    ),
    initializer: [...initializer, ones('ones', 1), ones('zeros', 0)],
    input: inputs.map(valueInfo),
    output: [valueInfo(output)],
  })
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 21n })]
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, opsetImport, graph }))
}

/**
 * `SpatioTemporalResBlock` written node by node, as an exporter of diffusers would: 3-D convolutions in time, group norm as
 * instance normalisation with scale and shift, SiLU as x sigmoid(x), the blend as two products and a sum. One video of f frames,
 * c channels in and out. `parameters` are its inputs besides x (f, c, h, w) and the time embedding (1, e).
 */
export function handWrittenResBlock(parameters: readonly Port[], x: Port, embedding: Port, epsilon: number) {
  const [f, c, h, w] = x.shape as [number, number, number, number]
  const nodes: Node[] = []
  const norm = (from: string, prefix: string, to: string, back: string, column: string) =>
    nodes.push(
      ['Reshape', [from, 'grouped' + back], `${to}.g`],
      ['InstanceNormalization', [`${to}.g`, 'ones', 'zeros'], `${to}.n`, { epsilon }],
      ['Reshape', [`${to}.n`, back], `${to}.r`],
      ['Reshape', [`${prefix}.weight`, column], `${to}.w`],
      ['Reshape', [`${prefix}.bias`, column], `${to}.b`],
      ['Mul', [`${to}.r`, `${to}.w`], `${to}.m`],
      ['Add', [`${to}.m`, `${to}.b`], `${to}.a`],
      ['Sigmoid', [`${to}.a`], `${to}.s`],
      ['Mul', [`${to}.a`, `${to}.s`], to],
    )
  const branch = (from: string, name: string, back: string, column: string, conv: Record<string, Attribute>) => {
    norm(from, `${name}.norm1`, `${name}.h1`, back, column)
    nodes.push(
      ['Conv', [`${name}.h1`, `${name}.conv1.weight`, `${name}.conv1.bias`], `${name}.c1`, conv],
      ['Sigmoid', [embedding.name], `${name}.es`],
      ['Mul', [embedding.name, `${name}.es`], `${name}.e`],
      ['Gemm', [`${name}.e`, `${name}.time_emb_proj.weight`, `${name}.time_emb_proj.bias`], `${name}.t`, { transB: 1 }],
      ['Reshape', [`${name}.t`, column], `${name}.tr`],
      ['Add', [`${name}.c1`, `${name}.tr`], `${name}.ct`],
    )
    norm(`${name}.ct`, `${name}.norm2`, `${name}.h2`, back, column)
    nodes.push(
      ['Conv', [`${name}.h2`, `${name}.conv2.weight`, `${name}.conv2.bias`], `${name}.c2`, conv],
      ['Add', [from, `${name}.c2`], `${name}.out`],
    )
  }
  branch(x.name, 'spatial_res_block', 'frames', 'column2', { pads: [1, 1, 1, 1], kernel_shape: [3, 3] })
  nodes.push(
    ['Reshape', ['spatial_res_block.out', 'video'], 'v0'],
    ['Transpose', ['v0'], 'v1', { perm: [0, 2, 1, 3, 4] }],
  )
  branch('v1', 'temporal_res_block', 'time', 'column3', { pads: [1, 0, 0, 1, 0, 0], kernel_shape: [3, 1, 1] })
  nodes.push(
    ['Sigmoid', ['time_mixer.mix_factor'], 'alpha'],
    ['Sub', ['one', 'alpha'], 'beta'],
    ['Mul', ['v1', 'alpha'], 'spatial share'],
    ['Mul', ['temporal_res_block.out', 'beta'], 'temporal share'],
    ['Add', ['spatial share', 'temporal share'], 'mixed'],
    ['Transpose', ['mixed'], 'back', { perm: [0, 2, 1, 3, 4] }],
    ['Reshape', ['back', 'frames'], 'y'],
  )
  const ints = {
    frames: [f, c, h, w],
    groupedframes: [f, 32, -1],
    video: [1, f, c, h, w],
    time: [1, c, f, h, w],
    groupedtime: [1, 32, -1],
    column2: [1, c, 1, 1],
    column3: [1, c, 1, 1, 1],
  }
  const one: Node = ['Cast', ['one int'], 'one', { to: FLOAT }]
  const inputs = [x, embedding, ...parameters]
  return model([one, ...nodes], { ...ints, 'one int': [1] }, inputs, { name: 'y', shape: x.shape, dtype: 'float32' })
}
