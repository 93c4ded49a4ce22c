import { encodeModel, type OnnxPort, type OnnxTensor } from '../../../src/graph/onnx.js'
import { MICROSOFT, type OnnxAttribute } from '../../../src/graph/op.js'
import { onnxTypes } from '../../../src/graph/ops/select.js'
import type { DType, Shape } from '../../../src/runtime/program.js'
import type { NodeKind } from './nodes.js'

/**
 * An input of a node: values of a shape, of the kind's type or another, or whole numbers that are constants; undefined
 * is left out.
 */
type Given = { readonly shape: Shape; readonly type?: DType } | { readonly whole: readonly number[] } | undefined

/** A node of an op. */
interface Sketch {
  readonly inputs: readonly Given[]
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  /** Where it is not the type of the first input. */
  readonly result?: DType
}

const values = (...shape: number[]): Given => ({ shape })
const whole = (...numbers: number[]): Given => ({ whole: numbers })
const cube = values(2, 3, 4)
const tokens = values(1, 8, 16)

const ONE: Sketch = { inputs: [cube] }
const TWO: Sketch = { inputs: [cube, cube] }
const COMPARED: Sketch = { ...TWO, result: 'bool' }
const REDUCED: Sketch = { inputs: [cube, whole(1)], attributes: { keepdims: 1 } }

/** Axes after the first two, three taps or eight pixels each. */
const spread = (rank: number, first: number, second: number, rest: number): Given =>
  values(first, second, ...Array<number>(rank - 2).fill(rest))
const taps = (rank: number) => ({ kernel_shape: Array<number>(rank - 2).fill(3) })

/** Ops that do not take one value of any shape. */
const SKETCHES: Readonly<Record<string, (rank: number) => Sketch>> = {
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow'].map((op) => [op, () => TWO])),
  ...Object.fromEntries(['Greater', 'Equal'].map((op) => [op, () => COMPARED])),
  ...Object.fromEntries(['ReduceMean', 'ReduceMax', 'ReduceSum'].map((op) => [op, () => REDUCED])),
  BatchNormalization: () => ({ inputs: [cube, values(3), values(3), values(3), values(3)] }),
  Cast: () => ({ ...ONE, attributes: { to: onnxTypes.float32 }, result: 'float32' }),
  Concat: () => ({ ...TWO, attributes: { axis: 0 } }),
  Conv: (rank) => ({ inputs: [spread(rank, 2, 4, 8), spread(rank, 6, 4, 3)], attributes: taps(rank) }),
  ConvTranspose: (rank) => ({ inputs: [spread(rank, 2, 4, 8), spread(rank, 4, 6, 3)], attributes: taps(rank) }),
  Expand: () => ({ inputs: [values(1, 3, 1), whole(2, 3, 4)] }),
  Gather: () => ({ inputs: [cube, whole(1, 0)], attributes: { axis: 0 } }),
  Gemm: () => ({ inputs: [values(2, 3), values(4, 3), values(4)], attributes: { transB: 1 } }),
  InstanceNormalization: () => ({ inputs: [cube, values(3), values(3)] }),
  LayerNormalization: () => ({ inputs: [cube, values(4)], attributes: { axis: -1 } }),
  MatMul: () => ({ inputs: [cube, values(2, 4, 3)] }),
  Pad: () => ({ inputs: [cube, whole(0, 1, 0, 0, 1, 0)] }),
  Reshape: () => ({ inputs: [cube, whole(6, 4)] }),
  Resize: () => ({
    inputs: [values(1, 2, 3, 3), undefined, undefined, whole(1, 2, 6, 6)],
    attributes: { mode: 'nearest' },
  }),
  ScatterElements: () => ({ inputs: [values(4), whole(1, 1), values(2)], attributes: { axis: 0, reduction: 'add' } }),
  Slice: () => ({ inputs: [cube, whole(1), whole(2), whole(1)] }),
  Transpose: () => ({ ...ONE, attributes: { perm: [0, 2, 1] } }),
  Where: () => ({ inputs: [{ shape: [2, 3, 4], type: 'bool' }, cube, cube] }),
  [`${MICROSOFT}.FusedMatMul`]: () => ({ ...TWO, attributes: { transB: 1 } }),
  [`${MICROSOFT}.MultiHeadAttention`]: () => ({ inputs: [tokens, tokens, tokens], attributes: { num_heads: 2 } }),
}

/**
 * A model of one node of a kind, and its inputs. ONNX Runtime finds the shape of its result, which is given as that of
 * a scalar, by itself.
 */
export function oneNode(
  { op, type, rank }: NodeKind,
  opset: number,
): { readonly model: Uint8Array<ArrayBuffer>; readonly inputs: readonly OnnxPort[] } {
  const { inputs, attributes = {}, result } = SKETCHES[op]?.(rank) ?? ONE
  const own = onnxTypes[type === 'float' ? 'float32' : (type as DType)]
  const ports: OnnxPort[] = []
  const initializers: OnnxTensor[] = []
  const names = inputs.map((given, i) => {
    if (given === undefined) return ''
    const name = `x${i}`
    if ('whole' in given) {
      const data = new Uint8Array(BigInt64Array.from(given.whole, BigInt).buffer)
      initializers.push({ name, shape: [given.whole.length], dataType: onnxTypes.int64, data })
    } else ports.push({ name, shape: given.shape, dataType: given.type ? onnxTypes[given.type] : own })
    return name
  })
  const [opType, domain] = op.startsWith(MICROSOFT) ? [op.slice(MICROSOFT.length + 1), MICROSOFT] : [op, '']
  const model = encodeModel({
    irVersion: 10,
    producer: 'sfv',
    opsets: { '': opset, [MICROSOFT]: 1 },
    nodes: [{ opType, domain, input: names, output: ['y'], attributes }],
    initializers,
    inputs: ports,
    outputs: [{ name: 'y', dataType: result ? onnxTypes[result] : own, shape: [] }],
  })
  return { model, inputs: ports }
}
