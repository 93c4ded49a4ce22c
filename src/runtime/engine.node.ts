import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { baseName, type Engine, type LoweredGraph, type Port, type Program, type Values } from './program.js'

/** Settings of an engine in Node. */
export interface NodeEngineOptions {
  /** ONNX Runtime execution provider. Default: cpu. */
  readonly device?: 'cpu' | 'webgpu' | 'cuda'
  /** Threads inside an operator. Default: ONNX Runtime's choice, one per core. */
  readonly threads?: number
}

/** Runs graphs with onnxruntime-node. */
export function nodeEngine({ device = 'cpu', threads }: NodeEngineOptions = {}): Engine {
  const options: InferenceSession.SessionOptions = {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  }
  return {
    device,
    load: async (graph) => new NodeProgram(await open(graph, options), graph),
  }
}

// ONNX Runtime maps external data from disk where it is told the one folder of all files. Files of several folders are
// read into memory.
async function open(graph: LoweredGraph, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  const folders = new Set(graph.files.map((file) => dirname(resolve(file))))
  if (folders.size > 1) {
    const files = graph.files.map(async (file) => ({ path: baseName(file), data: await readFile(file) }))
    return InferenceSession.create(graph.model, { ...options, externalData: await Promise.all(files) })
  }
  const [folder] = folders
  const extra = folder === undefined ? {} : { session: { model_external_initializers_file_folder_path: folder } }
  return InferenceSession.create(graph.model, { ...options, extra })
}

class NodeProgram implements Program {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]

  constructor(
    private readonly session: InferenceSession,
    graph: LoweredGraph,
  ) {
    this.inputs = graph.inputs
    this.outputs = graph.outputs
  }

  async run(feeds: Readonly<Record<string, Values>>, into: Readonly<Record<string, Float32Array>> = {}) {
    const tensors = Object.fromEntries(this.inputs.map((port) => [port.name, toOrt(port, feeds[port.name])]))
    const fetches = Object.fromEntries(
      this.outputs.map((port) => [port.name, into[port.name] ? toOrt(port, into[port.name]) : null]),
    )
    const results = await this.session.run(tensors, fetches)
    return Object.fromEntries(this.outputs.map(({ name }) => [name, results[name]!.data as Float32Array]))
  }

  dispose(): Promise<void> {
    return this.session.release()
  }
}

function toOrt(port: Port, values: Values | undefined): Tensor {
  const size = port.shape.reduce((product, n) => product * n, 1)
  if (values?.length !== size)
    throw new RangeError(`${port.name} takes ${size} values [${port.shape.join(',')}], got ${values?.length ?? 'none'}`)
  return new Tensor(port.dtype, values, [...port.shape])
}
