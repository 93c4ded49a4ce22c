import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeAll, describe, expect, it } from 'vitest'
import { sizeOf } from '../../src/graph/tensor.js'
import { withoutVulkan } from '../support/vulkan.js'
import { inferenceGraphs, trainingGraphs, type NamedGraph } from './support/graphs.js'
import { nodeKinds, type NodeKind } from './support/nodes.js'
import { oneNode } from './support/one-node.js'

/**
 * Versions of an op that a kernel was registered for; without `to` it is taken for `from` alone, as ONNX Runtime has
 * it.
 */
interface Registration {
  readonly from: number
  readonly to?: number
  readonly types: readonly string[]
}

const tables = JSON.parse(readFileSync(new URL('kernels.json', import.meta.url), 'utf8')) as {
  readonly opset: number
  /** The version of each op in that opset: the opset in which it last changed. */
  readonly since: Readonly<Record<string, number>>
  readonly cuda: Readonly<Record<string, Registration>>
  /** Types, with the axes where an op's kernels are for some alone. */
  readonly webgpu: Readonly<Record<string, readonly string[]>>
}

const PROVIDERS = {
  CUDA: ({ op, type }: NodeKind) => {
    const [kernel, since] = [tables.cuda[op], tables.since[op]!]
    if (!kernel) return false
    const versions = kernel.to === undefined ? since === kernel.from : kernel.from <= since && since <= kernel.to
    return versions && kernel.types.includes(type)
  },
  WebGPU: ({ op, type, rank }: NodeKind) => tables.webgpu[op]?.includes(rank ? `${type}/${rank}` : type) ?? false,
}

/**
 * What runs on the CPU although a network runs on the device, with the reason why it may. docs/gpu.md tells it to
 * users.
 */
const DECISIONS: Readonly<Record<keyof typeof PROVIDERS, Readonly<Record<string, string>>>> = {
  CUDA: {},
  WebGPU: {
    'Add int64': 'adds constants, and is done when the graph is opened',
    'Expand int64': 'indices of the warping first stage in training',
    'Reshape int64': 'indices of the warping first stage in training',
    'Sign float': 'the gradient of the L1 distance of pixels, once in a step of the first stage',
    'com.microsoft.FusedMatMul float': 'gradients of attention: train on the CPU or on CUDA',
  },
}

const nameOf = ({ op, type, rank }: NodeKind) => `${op} ${type}${rank ? `, ${rank} axes` : ''}`

describe('kernels', () => {
  const kinds = new Map<string, NodeKind & { readonly graphs: string[] }>()
  let training: NamedGraph[]
  let inference: NamedGraph[]
  beforeAll(async () => {
    training = await trainingGraphs()
    inference = [...(await inferenceGraphs('float32')), ...(await inferenceGraphs('float16'))]
    for (const { name, graph } of [...training, ...inference])
      for (const kind of nodeKinds(graph).kinds) {
        const known = kinds.get(nameOf(kind)) ?? { ...kind, graphs: [] }
        kinds.set(nameOf(kind), known)
        known.graphs.push(name)
      }
  }, 180_000)

  it('are looked up for the opset that graphs are written in', () => {
    for (const { graph } of [...training, ...inference])
      expect(Object.fromEntries(nodeKinds(graph).opsets)).toEqual({ '': tables.opset, 'com.microsoft': 1 })
  })

  it.each(Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[])(
    'on %s: all there, but for what was decided',
    (provider) => {
      const without = [...kinds].filter(([, kind]) => !PROVIDERS[provider](kind)).map(([name]) => name)
      expect(without.sort()).toEqual(Object.keys(DECISIONS[provider]).sort())
    },
  )

  it('of no inference network are missing', () => {
    for (const [provider, has] of Object.entries(PROVIDERS))
      for (const { name, graph } of inference)
        expect({
          provider,
          name,
          without: nodeKinds(graph)
            .kinds.filter((kind) => !has(kind))
            .map(nameOf),
        }).toEqual({
          provider,
          name,
          without: [],
        })
  })

  // The table of WebGPU is what this ONNX Runtime says: a graph of one node, with the way to the CPU closed.
  it.skipIf(withoutVulkan)(`on WebGPU: the table is right${withoutVulkan}`, async () => {
    const options: InferenceSession.SessionOptions = {
      executionProviders: ['webgpu'],
      logSeverityLevel: 4,
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    }
    // What other formulations would need: convolutions of volumes.
    const volumes = ['Conv', 'ConvTranspose'].map((op) => ({ op, type: 'float', rank: 5 }))
    const all = [...kinds.values(), ...volumes]
    const there: string[] = []
    for (const kind of all) {
      const { model, inputs } = oneNode(kind, tables.opset)
      // The model itself is right: the CPU opens it.
      await (await InferenceSession.create(model, { executionProviders: ['cpu'], logSeverityLevel: 4 })).release()
      try {
        const session = await InferenceSession.create(model, options)
        // A kernel of convolutions says when it runs that it cannot do so many axes.
        if (kind.rank > 0 && kind.type === 'float') {
          const feeds = inputs.map(({ name, shape }) => [name, new Tensor(new Float32Array(sizeOf(shape)), [...shape])])
          await session.run(Object.fromEntries(feeds) as Record<string, Tensor>)
        }
        await session.release()
        there.push(nameOf(kind))
      } catch (error) {
        expect((error as Error).message).toMatch(/assigned to the default CPU EP|Non-zero status code/)
      }
    }
    expect(there.sort()).toEqual(all.filter(PROVIDERS.WebGPU).map(nameOf).sort())
  })
})
