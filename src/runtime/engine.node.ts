import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { UserError } from '../errors.js'
import { cacheFolder } from './cache-folder.node.js'
import type { DeviceChoice } from './device-names.js'
import { deviceOptions, resolveDevice } from './devices.node.js'
import { GraphCache, WEIGHTS_AS_STORED } from './graph-cache.node.js'
import {
  locationOf,
  checkedFeed,
  type Engine,
  type LoweredGraph,
  type Port,
  type Program,
  type Values,
} from './program.js'

/** Settings of an engine in Node. */
export interface NodeEngineOptions {
  /** ONNX Runtime execution provider; `auto` is CUDA where its libraries are installed, else the CPU. Default: cpu. */
  readonly device?: DeviceChoice
  /** Threads inside an operator. Default: ONNX Runtime's choice, one per core. */
  readonly threads?: number | undefined
  /** Which of several accelerators, from 0. Default: 0. */
  readonly deviceId?: number | undefined
  /**
   * Whether ONNX Runtime may rewrite graphs as it opens them. Runs get faster by a quarter, but opening takes more than
   * twice as long: it does not pay for a program that runs once. Default: true.
   */
  readonly optimize?: boolean
  /**
   * Whether graphs are kept on disk as ONNX Runtime has optimised them, in `graphs` of the cache's folder, and opened
   * from there the next time. They are then optimised whatever `optimize` says. Only on the CPU. Default: false.
   */
  readonly cache?: boolean
}

/**
 * Runs graphs with onnxruntime-node.
 *
 * @throws UserError when the device is not one that this system has.
 */
export function nodeEngine(settings: NodeEngineOptions = {}): Engine {
  // From 1.29 on ONNX Runtime reports each session to its maker, on all systems but Windows, unless this is set before
  // the first.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
  const { device: asked = 'cpu', threads, deviceId = 0, optimize = true } = settings
  const device = resolveDevice(asked)
  const options: InferenceSession.SessionOptions = {
    ...deviceOptions(device, deviceId),
    graphOptimizationLevel: optimize ? 'all' : 'disabled',
    // Errors are thrown; they need not be printed as well.
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  }
  const cache = settings.cache && device === 'cpu' ? graphCache() : undefined
  const load = async (graph: LoweredGraph) => {
    if (graph.lean) (await import('./allocator.node.js')).returnFreedMemory()
    try {
      return new NodeProgram(await open(graph, graph.lean ? leanOptions(options) : options, cache), graph)
    } catch (error) {
      if (device === 'cpu') throw error
      // ONNX Runtime puts the place in its sources and the condition that failed before what it has to say.
      const reason = (error as Error).message.split('\n')[0]!.replace(/^.* was false\. /, '')
      throw new UserError(`cannot run on ${device} (${reason}); choose the device cpu`)
    }
  }
  return { device, load }
}

/** The cache of this user; undefined where the system knows no folder for it, as for a user without a home. */
function graphCache(): GraphCache | undefined {
  try {
    return new GraphCache(join(cacheFolder(), 'graphs'))
  } catch {
    return undefined
  }
}

/**
 * No copy of a weight is made as the graph is opened, and no buffer is kept for later values of its very shape. Buffers
 * come from ONNX Runtime's arena, not from the system one by one: pages that were never touched cost a third of the
 * time (docs/decisions/0013).
 */
function leanOptions(options: InferenceSession.SessionOptions): InferenceSession.SessionOptions {
  const extra = { session: { disable_prepacking: '1' }, ...WEIGHTS_AS_STORED }
  return { ...options, enableMemPattern: false, extra }
}

// ONNX Runtime maps external data from disk where it is told the one folder of all files. Files of several folders are
// read into memory.
async function open(
  graph: LoweredGraph,
  options: InferenceSession.SessionOptions,
  cache?: GraphCache,
): Promise<InferenceSession> {
  const folders = new Set(graph.files.map((file) => dirname(resolve(file))))
  if (folders.size > 1) {
    const files = graph.files.map(async (file) => ({ path: locationOf(file, graph.files), data: await readFile(file) }))
    return InferenceSession.create(graph.model, { ...options, externalData: await Promise.all(files) })
  }
  const [folder] = folders
  const { session, ...extra } = (options.extra ?? {}) as { readonly session?: object }
  const place = folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }
  const placed = { ...options, extra: { ...extra, session: { ...session, ...place } } }
  // A lean graph opens faster than an entry of the cache is read.
  return cache && !graph.lean ? cache.open(graph, placed) : InferenceSession.create(graph.model, placed)
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
  return new Tensor(port.dtype, checkedFeed(port, values), [...port.shape])
}
