import { lower } from '../src/graph/lower.js'
import { input, matmul, silu } from '../src/graph/ops/index.js'
import { ParameterSet } from '../src/nn/weights.js'
import { spatioTemporalResBlock } from '../src/nn/resnet.js'
import type { Engine } from '../src/runtime/program.js'
import { handWrittenResBlock } from './hand-written.js'
import { type BenchResult, interleaved, milliseconds, ratio, values } from './measure.js'

/** Block sizes of models/fluent's UNet: channels and side. */
const BLOCKS = [
  [64, 16],
  [96, 8],
  [128, 4],
] as const
const FRAMES = 14

/** The engine's resnet blocks beside the same blocks written by hand as ONNX. Bar: at most 1.03 times as long. */
export async function engineOverhead(engine: Engine): Promise<BenchResult> {
  const rows = []
  for (const [channels, side] of BLOCKS) {
    const x = input('x', [FRAMES, channels, side, side])
    const embedding = input('embedding', [1, 256])
    const set = new ParameterSet()
    const y = spatioTemporalResBlock(set, x, channels, {
      frames: FRAMES,
      embedding: silu(embedding),
      spatialEpsilon: 1e-6,
      temporalEpsilon: 1e-6,
      blend: 'sigmoid-of-spatial',
    })
    const graph = lower({ y })
    const port = (name: string) => graph.inputs.find((one) => one.name === name)!
    const parameters = graph.inputs.filter(({ name }) => name !== 'x' && name !== 'embedding')
    const byHand = { ...graph, model: handWrittenResBlock(parameters, port('x'), port('embedding'), 1e-6) }
    const [ours, theirs] = await Promise.all([engine.load(graph), engine.load(byHand)])
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name, shape }) => [name, values(shape.reduce((a, b) => a * b, 1))]),
    )
    const [a, b] = await Promise.all([ours.run(feeds), theirs.run(feeds)])
    const difference = a.y!.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.y![i]!)), 0)
    if (!(difference < 1e-3)) throw new Error(`the hand-written block differs by ${difference}`)
    const times = await interleaved({ ours: () => ours.run(feeds), hand: () => theirs.run(feeds) }, 25)
    rows.push({
      block: `${FRAMES}x${channels}x${side}x${side}`,
      'engine ms': milliseconds(times.ours!),
      'by hand ms': milliseconds(times.hand!),
      ratio: ratio(times.ours!, times.hand!),
    })
    await Promise.all([ours.dispose(), theirs.dispose()])
  }
  return {
    title: "SpatioTemporalResBlock: the engine's graph beside a hand-written one",
    rows,
    notes: [
      'Bar: ratio at most 1.03. Below 1 the engine is faster: the blend is one product, time is a 2-D convolution.',
    ],
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
