import type * as OnnxRuntime from 'onnxruntime-web'
import { UserError } from '../errors.js'
import {
  locationOf,
  checkedFeed,
  type Engine,
  type LoweredGraph,
  type Port,
  type Program,
  type Values,
} from './program.js'

/** Settings of an engine in the browser. */
export interface WebEngineOptions {
  /**
   * Where networks run; `auto` is WebGPU where the browser has a hardware adapter for it, else WebAssembly. Default: auto.
   */
  readonly device?: 'auto' | 'webgpu' | 'wasm'
  /** Threads of WebAssembly. Default: one per core, at most 8; one where the page is not isolated. */
  readonly threads?: number
  /** Address of a folder with ONNX Runtime's .mjs and .wasm files. Default: where the bundler put them. */
  readonly runtime?: string
  /**
   * Whether that folder holds the .wasm files compressed, as .wasm.gz, with a manifest.json of `sfv manifest`. They are then
   * fetched beside the model, counted in its progress, and kept as it is. Default: false.
   */
  readonly compressed?: boolean
}

/** The stem of ONNX Runtime's files for each device. */
export const RUNTIME_STEMS = {
  wasm: 'ort-wasm-simd-threaded',
  webgpu: 'ort-wasm-simd-threaded.asyncify',
} as const satisfies Record<WebDevice, string>

/** Where networks run in a browser. */
export type WebDevice = 'webgpu' | 'wasm'

/** Reads a checkpoint file that a graph points into, whole. */
export type ReadFile = (file: string) => Promise<Uint8Array<ArrayBuffer>>

/** ONNX Runtime, as `onnxruntime-web/webgpu` or `onnxruntime-web/wasm` exports it. */
export type Ort = typeof OnnxRuntime

/** More threads do not help networks of this size. */
const MOST_THREADS = 8

/**
 * The device that is meant, where it is there: it decides which build of ONNX Runtime is loaded.
 *
 * @throws UserError when WebGPU is asked for and the browser has none.
 */
export async function chooseDevice(asked: WebEngineOptions['device'] = 'auto'): Promise<WebDevice> {
  const device = asked === 'auto' ? ((await hasGpu()) ? 'webgpu' : 'wasm') : asked
  if (device === 'webgpu' && !(await adapter())) {
    throw new UserError('this browser has no WebGPU adapter; choose the device wasm')
  }
  return device
}

/**
 * Runs graphs with onnxruntime-web. The weights are handed over as views of the files that `readFile` gives; half
 * precision is widened to float32 once, when a program is loaded.
 *
 * @param ort the build of ONNX Runtime for the device
 * @param wasm the bytes of its .wasm file, where they are here already
 */
export function webEngine(
  ort: Ort,
  device: WebDevice,
  readFile: ReadFile,
  { threads, runtime }: Omit<WebEngineOptions, 'device'> = {},
  wasm?: ArrayBuffer,
): Engine {
  ort.env.logLevel = 'error'
  ort.env.wasm.numThreads = crossOriginIsolated ? (threads ?? Math.min(navigator.hardwareConcurrency, MOST_THREADS)) : 1
  if (runtime !== undefined) ort.env.wasm.wasmPaths = runtime
  if (wasm) ort.env.wasm.wasmBinary = wasm
  const sessionOptions: OnnxRuntime.InferenceSession.SessionOptions = {
    executionProviders: [device],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  }
  return {
    device,
    load: (graph) =>
      explained(async () => {
        const files = graph.files.map(async (file) => ({
          path: locationOf(file, graph.files),
          data: await readFile(file),
        }))
        const externalData = await Promise.all(files)
        const session = await ort.InferenceSession.create(graph.model, { ...sessionOptions, externalData })
        return new WebProgram(ort, session, graph)
      }),
  }
}

async function adapter(): Promise<{ readonly info: { readonly isFallbackAdapter?: boolean } } | null> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<never> } }).gpu
  return (await gpu?.requestAdapter().catch(() => null)) ?? null
}

/** A software adapter is slower than WebAssembly. */
async function hasGpu(): Promise<boolean> {
  const found = await adapter()
  return found !== null && found.info.isFallbackAdapter !== true
}

class WebProgram implements Program {
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]

  constructor(
    private readonly ort: Ort,
    private readonly session: OnnxRuntime.InferenceSession,
    graph: LoweredGraph,
  ) {
    this.inputs = graph.inputs
    this.outputs = graph.outputs
  }

  async run(feeds: Readonly<Record<string, Values>>, into: Readonly<Record<string, Float32Array>> = {}) {
    const tensors = Object.fromEntries(this.inputs.map((port) => [port.name, this.#tensor(port, feeds[port.name])]))
    const results = await explained(() => this.session.run(tensors))
    const named = await Promise.all(
      this.outputs.map(async ({ name }) => {
        const values = (await results[name]!.getData()) as Float32Array
        results[name]!.dispose()
        into[name]?.set(values)
        return [name, into[name] ?? values] as const
      }),
    )
    return Object.fromEntries(named)
  }

  dispose(): Promise<void> {
    return this.session.release()
  }

  #tensor(port: Port, values: Values | undefined): OnnxRuntime.Tensor {
    return new this.ort.Tensor(port.dtype, checkedFeed(port, values), [...port.shape])
  }
}

/**
 * How ONNX Runtime, WebAssembly and WebGPU say that there is no memory left; ONNX Runtime may throw a bare number, and a
 * tensor beyond 32-bit addresses is an overflow to it.
 */
const OUT_OF_MEMORY =
  /bad_alloc|out of memory|allocation failed|failed to allocate|array length|integer overflow|^\d+$/i

/** Runs `work`; where memory runs out, the error says what to do. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (!OUT_OF_MEMORY.test(message)) throw error
    throw new UserError('the browser has no memory left for this clip; choose fewer frames or a smaller size')
  }
}
