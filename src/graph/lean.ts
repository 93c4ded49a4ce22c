import type { Port } from '../runtime/program.js'
import type { OnnxNode } from './onnx.js'
import { onnxTypes } from './ops/select.js'

/** Names of the nodes that `hideSizes` adds. */
const PREFIX = '%lean'

/**
 * The nodes in an order and a form by which ONNX Runtime holds little memory.
 *
 * @param constants names of the initialisers
 * @param inputs of the graph; at least one is float32
 */
export function leanNodes(
  nodes: readonly OnnxNode[],
  constants: readonly string[],
  inputs: readonly Port[],
): readonly OnnxNode[] {
  const [early, late] = weightsFirst(nodes, constants)
  return [...early, ...hideSizes(late, new Set(constants), inputs)]
}

/**
 * Nodes that need nothing but weights, and the others. ONNX Runtime walks back from the outputs and looks at a node's
 * later inputs before its earlier ones: only as the earliest nodes are weights converted when they are used, rather
 * than all of them before anything else.
 */
function weightsFirst(nodes: readonly OnnxNode[], constants: readonly string[]): [OnnxNode[], OnnxNode[]] {
  const known = new Set(constants)
  const early: OnnxNode[] = []
  const late: OnnxNode[] = []
  for (const node of nodes) {
    const isEarly = node.input.every((name) => known.has(name))
    ;(isEarly ? early : late).push(node)
    if (isEarly) node.output.forEach((name) => known.add(name))
  }
  return [early, late]
}

/**
 * Keeps the sizes of activations from ONNX Runtime until it runs. Where it knows them, it keeps a buffer that is free
 * for a later value of the very same shape; a UNet's values come in so many shapes that three to four times as much
 * memory is held as is ever in use. So every Reshape takes its shape plus a zero that is only known at the run.
 */
function hideSizes(nodes: readonly OnnxNode[], constants: ReadonlySet<string>, inputs: readonly Port[]): OnnxNode[] {
  const floats = inputs.filter(({ dtype }) => dtype === 'float32')
  const sizeOf = ({ shape }: Port) => shape.reduce((product, n) => product * n, 1)
  const smallest = floats.reduce((a, b) => (sizeOf(b) < sizeOf(a) ? b : a))
  const zero = `${PREFIX} zero`
  const node = (
    opType: string,
    input: readonly string[],
    output: string,
    attributes: OnnxNode['attributes'] = {},
  ): OnnxNode => ({ opType, domain: '', input, output: [output], attributes })
  const added = [
    node('ReduceMin', [smallest.name], `${PREFIX} least`, { keepdims: 0 }),
    node('Less', [`${PREFIX} least`, `${PREFIX} least`], `${PREFIX} false`),
    node('Cast', [`${PREFIX} false`], zero, { to: onnxTypes.int64 }),
  ]
  const hidden = new Map<string, string>()
  const hide = (shape: string) => {
    const known = hidden.get(shape)
    if (known !== undefined) return known
    const name = `${PREFIX} ${hidden.size}`
    hidden.set(shape, name)
    added.push(node('Add', [shape, zero], name))
    return name
  }
  const changed = nodes.map((one): OnnxNode => {
    const [data, shape] = one.input
    if (one.opType !== 'Reshape' || !constants.has(shape!)) return one
    return { ...one, input: [data!, hide(shape!)] }
  })
  return [...added, ...changed]
}
