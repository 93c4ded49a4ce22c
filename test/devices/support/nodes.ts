import { fromBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema, TensorProto_DataType as DataType } from 'onnx-buf'
import type { LoweredGraph } from '../../../src/runtime/program.js'

/** A kind of node: what decides whether a device has a kernel for it. */
export interface NodeKind {
  /** `Conv`, or `com.microsoft.Gelu` in a domain of its own. */
  readonly op: string
  /** Type of the values that it computes with: of its first input, or of the first alternative of a Where. */
  readonly type: string
  /** Axes of that input; 0 where the op does not care. */
  readonly rank: number
}

/** Ops whose kernels are for some numbers of axes alone; a `kernel_shape` says how many. */
const BY_AXES: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose'])

/** The kinds of nodes of a graph, without repetition, and the versions of its operator sets. */
export function nodeKinds(graph: LoweredGraph): { kinds: NodeKind[]; opsets: ReadonlyMap<string, number> } {
  const model = fromBinary(ModelProtoSchema, graph.model)
  const { node: nodes, initializer, input } = model.graph!
  const types = new Map<string, DataType>()
  for (const { name, dataType } of initializer) types.set(name, dataType)
  for (const { name, type } of input) if (type?.value.case === 'tensorType') types.set(name, type.value.value.elemType)

  const kinds = new Map<string, NodeKind>()
  for (const node of nodes) {
    const [first, second] = node.input.map((name) => types.get(name))
    const computed = node.opType === 'Where' ? second : first
    if (computed === undefined) throw new Error(`the input of ${node.opType} ${node.output[0]} has no known type`)
    for (const name of node.output) types.set(name, resultType(node, computed))
    const op = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
    const axes = node.attribute.find(({ name }) => name === 'kernel_shape')?.ints.length ?? 0
    const kind = { op, type: DataType[computed].toLowerCase(), rank: BY_AXES.has(op) ? axes + 2 : 0 }
    kinds.set(JSON.stringify(kind), kind)
  }
  return {
    kinds: [...kinds.values()],
    opsets: new Map(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])),
  }
}

function resultType(
  { opType, attribute }: { opType: string; attribute: readonly { name: string; i: bigint }[] },
  computed: DataType,
): DataType {
  if (opType === 'Greater' || opType === 'Equal') return DataType.BOOL
  if (opType === 'Cast') return Number(attribute.find(({ name }) => name === 'to')!.i)
  return computed
}
