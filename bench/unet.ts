import { countFlops } from '../src/graph/flops.js'
import { gradients } from '../src/graph/gradients.js'
import { lower } from '../src/graph/lower.js'
import type { Engine } from '../src/runtime/program.js'
import { GradientProgram } from '../src/training/trainer/gradient-program.js'
import { Learner } from '../src/training/trainer/learner.js'
import { denoisingLoss } from '../src/training/objectives/teacher.node.js'
import { adamW } from '../src/training/trainer/optimizers.js'
import { initialValues } from '../src/training/trainer/initial-values.js'
import { Layout } from '../src/training/trainer/parameters.js'
import { type BenchResult, interleaved, milliseconds, ratio, values } from './measure.js'
import { benchUNet, CLIP, MODEL } from './model.js'
import { matmulPeak } from './networks.js'

/** Forward and a full training step (loss, gradients, AdamW, EMA) of the model's UNet. Bar: at most 3.5 forwards. */
export async function trainingStep(engine: Engine): Promise<BenchResult> {
  const { config, set, y } = await benchUNet('unet/')
  const layout = new Layout(set.shapes)
  const initial = initialValues(set, layout, 1)
  const forward = await engine.load(lower({ y }))

  const graph = denoisingLoss(set, config, CLIP)
  const before = performance.now()
  const program = await GradientProgram.open(engine, { ...graph, trained: set })
  const opened = (performance.now() - before) / 1000
  const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })
  const learner = new Learner(set, initial, { optimizer, emaDecay: 0.999, maxGradientNorm: 1 })
  const pixels = CLIP.frames * CLIP.height * CLIP.width
  const latents = values(pixels * config.outChannels)
  const shared = { context: values(config.down[0]!.contextWidth) }
  const forwardFeeds = {
    ...learner.feeds(),
    ...shared,
    sample: values(pixels * config.inChannels),
    timestep: values(1),
    ids: values(3),
  }
  const stepFeeds = {
    ...shared,
    latents,
    noise: values(latents.length),
    sigma: Float32Array.of(1),
    imageLatents: values(latents.length / CLIP.frames),
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
  await Promise.all([forward.dispose(), program.dispose()])
  return {
    title: `${MODEL}'s UNet: ${(set.count / 1e6).toFixed(1)} million parameters, 14 latents of 16x16`,
    rows,
    notes: [
      `Bar: a step of at most 3.5 forwards. Peak of MatMul 1024 in this run: ${peak.toFixed(0)} GFLOP/s.`,
      `Opening the training graph takes ${opened.toFixed(1)} s.`,
    ],
  }
}
