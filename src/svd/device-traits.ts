import { lower, type LowerOptions } from '../graph/lower.js'
import { attention, input, matmul } from '../graph/ops/index.js'
import type { Tensor } from '../graph/tensor.js'
import type { Engine } from '../runtime/program.js'

/** What networks are computed in; `auto` is float16 on devices that compute in it (no processor does), else float32. */
export type Precision = 'auto' | 'float32' | 'float16'

/** What a device was seen to do. */
export interface DeviceTraits {
  /** Whether it computes in half precision. */
  readonly half: boolean
  /** Whether its fused attention gives the right values. */
  readonly fusedAttention: boolean
}

const known = new WeakMap<Engine, Promise<DeviceTraits>>()

/** Processors: they compute in single precision, and their fused attention is checked by this project's tests. */
const PROCESSORS = new Set(['cpu', 'wasm'])

/**
 * What the device of an engine does, found by trying it once on two small graphs. ONNX Runtime's attention for WebGPU,
 * for one, is off by some percent on adapters whose subgroups are narrower than eight (software ones).
 */
export function deviceTraits(engine: Engine): Promise<DeviceTraits> {
  const traits = known.get(engine) ?? probe(engine)
  known.set(engine, traits)
  return traits
}

async function probe(engine: Engine): Promise<DeviceTraits> {
  if (PROCESSORS.has(engine.device)) return { half: false, fusedAttention: true }
  const half = await isRight(engine, productCase(), { half: true }).catch(() => false)
  // What fails here fails in the network as well, and is told there.
  const fusedAttention = await isRight(engine, attentionCase(), {}).catch(() => true)
  return { half, fusedAttention }
}

/** A small graph, what it is fed, and what comes out. */
interface Case {
  readonly y: Tensor
  readonly feeds: Readonly<Record<string, Float32Array>>
  readonly expected: Float32Array
}

/** Far above the rounding of half precision, far below what a wrong kernel gives. */
const TOLERANCE = 5e-3

async function isRight(engine: Engine, { y, feeds, expected }: Case, options: LowerOptions): Promise<boolean> {
  const program = await engine.load(lower({ y }, options))
  try {
    const found = (await program.run(feeds))['y']!
    return expected.every((value, i) => Math.abs(found[i]! - value) < TOLERANCE)
  } finally {
    await program.dispose()
  }
}

/** Values of about [-1, 1] that differ. */
const wave = (size: number, shift: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * i + shift))

function productCase(): Case {
  const [a, b] = [wave(64, 0), wave(64, 1)]
  const expected = Float32Array.from({ length: 64 }, (_, i) => dot(a, 8 * Math.floor(i / 8), 1, b, i % 8, 8, 8) / 8)
  return { y: matmul(input('a', [8, 8]), input('b', [8, 8]), { alpha: 1 / 8 }), feeds: { a, b }, expected }
}

/** One head of eight channels over 40 tokens: enough for the kernels that are used for pictures. */
function attentionCase(): Case {
  const [tokens, width] = [40, 8]
  const shape = [1, tokens, width]
  const [q, k, v] = [wave(tokens * width, 0), wave(tokens * width, 1), wave(tokens * width, 2)]
  const expected = new Float32Array(tokens * width)
  for (let s = 0; s < tokens; s++) {
    const weights = Array.from({ length: tokens }, (_, t) =>
      Math.exp(dot(q, s * width, 1, k, t * width, 1, width) / Math.sqrt(width)),
    )
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    weights.forEach((weight, t) => {
      for (let c = 0; c < width; c++) expected[s * width + c]! += (weight / total) * v[t * width + c]!
    })
  }
  return { y: attention(input('q', shape), input('k', shape), input('v', shape), 1), feeds: { q, k, v }, expected }
}

/** The sum of `count` products of values of `a` and `b`, from a start, a step apart. */
function dot(
  a: Float32Array,
  i: number,
  stepA: number,
  b: Float32Array,
  j: number,
  stepB: number,
  count: number,
): number {
  let sum = 0
  for (let n = 0; n < count; n++) sum += a[i + n * stepA]! * b[j + n * stepB]!
  return sum
}
