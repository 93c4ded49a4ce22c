import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lower } from '../src/graph/lower.js'
import { input, matmul } from '../src/graph/ops/index.js'
import { sizeOf } from '../src/graph/tensor.js'
import type { Engine, StoredBytes } from '../src/runtime/program.js'
import { Checkpoint, saveCheckpoint } from '../src/weights/checkpoint.node.js'
import { handWrittenUNet } from './hand-written-unet.js'
import { type BenchResult, interleaved, milliseconds, ratio, values } from './measure.js'
import { benchUNet, CLIP, MODEL } from './model.js'

/** Largest difference of the two outputs, relative to the largest value. */
const AGREEMENT = 1e-4

/**
 * The engine's UNet beside the same network written by hand as ONNX, weights constant in both. Bar: at most 1.03 times
 * as long.
 */
export async function engineOverhead(engine: Engine): Promise<BenchResult> {
  const { config, set, y } = await benchUNet()
  const weights = new Map(
    [...set.shapes].map(([name, shape], i) => {
      const scale = 1 / Math.sqrt(sizeOf(shape.slice(1)))
      const wave = values(sizeOf(shape) + i).subarray(i)
      // Norms keep their inputs' size, so that no signal dies on the way.
      return [
        name,
        { shape, values: /norm\w*\.weight$/.test(name) ? wave.map((v) => 1 + v / 4) : wave.map((v) => v * scale) },
      ]
    }),
  )
  const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-'))
  try {
    const file = join(folder, 'weights.safetensors')
    await saveCheckpoint(
      file,
      [...weights].map(([name, { shape, values: data }]) => ({ name, shape, data })),
    )
    const { tensors } = await Checkpoint.open(file)
    const graph = lower({ y }, { bind: (name) => tensors.get(name) as StoredBytes })
    const model = handWrittenUNet(
      config,
      weights,
      ['sample', 'timestep', 'context', 'ids'].map(portOf),
      graph.outputs[0]!,
    )
    const ours = await engine.load(graph)
    const theirs = await engine.load({ ...graph, model, files: [] })
    const feeds = Object.fromEntries(graph.inputs.map(({ name, shape }) => [name, values(sizeOf(shape))]))
    const [a, b] = [(await ours.run(feeds))['y']!, (await theirs.run(feeds))['y']!]
    const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const difference = a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0) / largest
    if (!(difference < AGREEMENT)) throw new Error(`the hand-written UNet differs by ${difference}`)
    const times = await interleaved({ ours: () => ours.run(feeds), hand: () => theirs.run(feeds) }, 25)
    await Promise.all([ours.dispose(), theirs.dispose()])
    return {
      title: `The UNet of ${MODEL}: the engine's graph beside a hand-written one`,
      rows: [
        {
          network: `${(set.count / 1e6).toFixed(1)} million parameters, ${CLIP.frames} latents of ${CLIP.height}x${CLIP.width}`,
          'engine ms': milliseconds(times.ours!),
          'by hand ms': milliseconds(times.hand!),
          ratio: ratio(times.ours!, times.hand!),
          'largest difference': difference.toExponential(1),
        },
      ],
      notes: [
        'Bar: a ratio of at most 1.03. Below 1 the engine is faster. Its blends are one product, time is a 2-D convolution, and linear layers',
        'add their bias inside the product. The same ONNX Runtime optimises both graphs.',
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }

  function portOf(name: string) {
    const shape = { sample: [1, CLIP.frames, config.inChannels, CLIP.height, CLIP.width], timestep: [1], ids: [1, 3] }[
      name
    ]
    return { name, shape: shape ?? [1, 1, config.down[0]!.contextWidth], dtype: 'float32' as const }
  }
}

/** GFLOP/s of a 1024x1024 matrix product: the peak that shares are given of. */
export async function matmulPeak(engine: Engine): Promise<number> {
  const a = input('a', [1024, 1024])
  const program = await engine.load(lower({ y: matmul(a, input('b', [1024, 1024])) }))
  const feeds = { a: values(a.size), b: values(a.size) }
  const { run } = await interleaved({ run: () => program.run(feeds) }, 15)
  await program.dispose()
  return (2 * 1024 ** 3) / run! / 1e9
}
