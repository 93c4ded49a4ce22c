import { fromBinary } from '@bufbuild/protobuf'
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataLocation } from 'onnx-buf'
import { expect, it } from 'vitest'
import { encodeModel, type OnnxModel } from '../../src/graph/onnx.js'

const long = 'n'.repeat(300)
const raw = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)
const model: OnnxModel = {
  irVersion: 10,
  producer: 'sfv',
  opsets: { '': 21, 'com.microsoft': 1 },
  nodes: [
    {
      opType: 'Conv',
      domain: '',
      input: ['x', '', 'é'],
      output: ['y'],
      attributes: { pads: [1, 0, -1, 2 ** 40], axis: -2 },
    },
    {
      opType: 'Gelu',
      domain: 'com.microsoft',
      input: [long],
      output: ['a', 'b'],
      attributes: { mode: 'erf', alpha: { float: 0.1 } },
    },
  ],
  initializers: [
    { name: 'inside', shape: [2, 0, 3_000_000_000], dataType: 1, data: raw },
    { name: 'outside', shape: [], dataType: 16, data: { location: 'a.safetensors', offset: 2 ** 33, length: 0 } },
  ],
  inputs: [{ name: 'x', dataType: 7, shape: [1, 128, 300] }],
  outputs: [{ name: 'y', dataType: 1, shape: [] }],
}

// An independent reader: another library, made from ONNX's own description of the format.
it('writes every message as a reader of ONNX finds it', () => {
  const { irVersion, producerName, opsetImport, graph } = fromBinary(ModelProtoSchema, encodeModel(model))
  expect([irVersion, producerName]).toEqual([10n, 'sfv'])
  expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([
    ['', 21n],
    ['com.microsoft', 1n],
  ])
  const [conv, gelu] = graph!.node
  expect(conv).toMatchObject({ opType: 'Conv', domain: '', input: ['x', '', 'é'], output: ['y'] })
  expect(conv!.attribute).toMatchObject([
    { name: 'pads', type: Kind.INTS, ints: [1n, 0n, -1n, 2n ** 40n] },
    { name: 'axis', type: Kind.INT, i: -2n },
  ])
  expect(gelu).toMatchObject({ opType: 'Gelu', domain: 'com.microsoft', input: [long], output: ['a', 'b'] })
  const [mode, alpha] = gelu!.attribute
  expect([mode!.type, new TextDecoder().decode(mode!.s)]).toEqual([Kind.STRING, 'erf'])
  expect([alpha!.type, alpha!.f]).toEqual([Kind.FLOAT, Math.fround(0.1)])

  const [inside, outside] = graph!.initializer
  expect(inside).toMatchObject({ name: 'inside', dims: [2n, 0n, 3_000_000_000n], dataType: 1 })
  expect(Buffer.from(inside!.rawData).equals(raw)).toBe(true)
  expect(outside).toMatchObject({ name: 'outside', dims: [], dataType: 16 })
  expect(outside!.dataLocation).toBe(TensorProto_DataLocation.EXTERNAL)
  expect(outside!.externalData.map(({ key, value }) => [key, value])).toEqual([
    ['location', 'a.safetensors'],
    ['offset', `${2 ** 33}`],
    ['length', '0'],
  ])

  const shapeOf = (port: (typeof graph & object)['input'][number]) => {
    const { value } = port.type!.value as {
      value: { elemType: number; shape: { dim: { value: { value: bigint } }[] } }
    }
    return [port.name, value.elemType, value.shape.dim.map((dim) => dim.value.value)]
  }
  expect(graph!.input.map(shapeOf)).toEqual([['x', 7, [1n, 128n, 300n]]])
  expect(graph!.output.map(shapeOf)).toEqual([['y', 1, []]])
})
