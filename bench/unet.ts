import { readFile } from 'node:fs/promises'
import { countFlops } from '../src/graph/flops.js'
import { gradients } from '../src/graph/gradients.js'
import { lower } from '../src/graph/lower.js'
import { input } from '../src/graph/ops/index.js'
import { parseUNetConfig, unet } from '../src/models/unet/index.js'
import { ParameterSet } from '../src/nn/weights.js'
import type { Engine } from '../src/runtime/program.js'
import { GradientProgram } from '../src/training/gradient-program.js'
import { Learner } from '../src/training/learner.js'
import { denoisingLoss } from '../src/training/objectives/denoising.js'
import { adamW } from '../src/training/optimizers.js'
import { initialValues } from '../src/training/initial-values.js'
import { Layout } from '../src/training/parameters.js'
import { type BenchResult, interleaved, milliseconds, ratio, values } from './measure.js'
import { matmulPeak } from './networks.js'

const BATCH = { videos: 1, frames: 14, height: 16, width: 16 }

/** Forward and a full training step (loss, gradients, AdamW, EMA) of models/fluent's UNet. Bar: at most 3.5 forwards. */
export async function trainingStep(engine: Engine): Promise<BenchResult> {
  const file = 'models/fluent/unet/config.json'
  const config = parseUNetConfig(JSON.parse(await readFile(file, 'utf8')), file)
  const set = new ParameterSet('unet/')
  const sample = input('sample', [1, BATCH.frames, config.inChannels, BATCH.height, BATCH.width])
  const context = input('context', [1, 1, config.down[0]!.contextWidth])
  const y = unet(set, config, { sample, timestep: input('timestep', [1]), context, addedTimeIds: input('ids', [1, 3]) })
  const layout = new Layout(set.shapes)
  const initial = initialValues(set, layout, 1)
  const forward = await engine.load(lower({ y }))

  const graph = denoisingLoss(set, config, BATCH)
  const before = performance.now()
  const program = await GradientProgram.open(engine, { ...graph, trained: set })
  const opened = (performance.now() - before) / 1000
  const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })
  const learner = await Learner.open(engine, set, initial, { optimizer, emaDecay: 0.999, maxGradientNorm: 1 })
  const latents = values(sample.size / 2)
  const shared = { context: values(context.size) }
  const forwardFeeds = {
    ...learner.feeds(),
    ...shared,
    sample: values(sample.size),
    timestep: values(1),
    ids: values(3),
  }
  const stepFeeds = {
    ...shared,
    latents,
    noise: values(latents.length),
    sigma: Float32Array.of(1),
    imageLatents: values(latents.length / BATCH.frames),
    addedTimeIds: values(3),
  }
  const step = async () => {
    await program.run({ ...learner.feeds(), ...stepFeeds })
    await learner.apply(program.gradients[0]!, 1e-6)
  }
  const times = await interleaved({ forward: () => forward.run(forwardFeeds), step }, 7)
  const peak = await matmulPeak(engine)
  const flops = { forward: countFlops([y]), step: countFlops(gradients(graph.loss, [...set.parameters.values()])) }
  const rows = (['forward', 'step'] as const).map((part) => {
    const rate = flops[part] / times[part]! / 1e9
    return {
      part: part === 'forward' ? 'forward' : 'training step',
      ms: milliseconds(times[part]!),
      GFLOP: (flops[part] / 1e9).toFixed(1),
      'GFLOP/s': rate.toFixed(0),
      'share of the MatMul peak': `${((100 * rate) / peak).toFixed(0)} %`,
      forwards: ratio(times[part]!, times.forward!),
    }
  })
  await Promise.all([forward.dispose(), program.dispose(), learner.dispose()])
  return {
    title: `models/fluent's UNet: ${(set.count / 1e6).toFixed(1)} million parameters, 14 latents of 16x16`,
    rows,
    notes: [
      `Bar: a step of at most 3.5 forwards. Peak of MatMul 1024 in this run: ${peak.toFixed(0)} GFLOP/s.`,
      `Opening the training graph takes ${opened.toFixed(1)} s.`,
    ],
  }
}
