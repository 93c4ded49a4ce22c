import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { countFlops } from '../src/graph/flops.js'
import { gradients } from '../src/graph/gradients.js'
import type { UNetConfig } from '../src/models/unet/index.js'
import { ParameterSet } from '../src/nn/weights.js'
import type { Engine } from '../src/runtime/program.js'
import { type Goal, GradientProgram } from '../src/training/trainer/gradient-program.js'
import { initialValues } from '../src/training/trainer/initial-values.js'
import { adversarialLosses } from '../src/training/objectives/sfv.js'
import type { LatentBatch } from '../src/training/objectives/denoiser.js'
import type { PenaltyPlace } from '../src/training/objectives/discriminator.js'
import { Layout } from '../src/training/trainer/parameters.js'
import { type BenchResult, interleaved, milliseconds, ratio, values } from './measure.js'
import { benchUNet, CLIP, MODEL } from './model.js'
import { matmulPeak } from './networks.js'

/** SF-V's step on a UNet: the losses of both networks, and what feeds them. */
export function adversarialStep(
  config: UNetConfig,
  batch: LatentBatch,
  { gamma = 0.01, penaltyPlace = 'heads' }: { gamma?: number; penaltyPlace?: PenaltyPlace } = {},
) {
  const [generator, backbone, heads] = ['generator/', 'teacher/', 'heads/'].map(
    (prefix) => new ParameterSet(prefix),
  ) as [ParameterSet, ParameterSet, ParameterSet]
  const networks = {
    config,
    generator,
    backbone,
    heads,
    headsConfig: { heads: 'both', width: 64, projection: 64 } as const,
  }
  const losses = adversarialLosses(networks, batch, { lambda: 0.1, gamma, penaltyPlace })
  const goals: readonly [Goal, Goal] = [
    { ...losses.generator, trained: generator },
    { ...losses.heads, trained: heads },
  ]
  const weights = [generator, backbone, heads].map((set) => {
    const layout = new Layout(set.shapes)
    return layout.views(initialValues(set, layout, 1), set.prefix)
  })
  const size = batch.videos * batch.frames * config.outChannels * batch.height * batch.width
  const feeds = {
    ...(Object.assign({}, ...weights) as Record<string, Float32Array>),
    ...Object.fromEntries(['latents', 'noise', 'noiseReal', 'noiseFake'].map((name) => [name, values(size)])),
    sigma: new Float32Array(batch.videos).fill(70),
    sigmaD: new Float32Array(batch.videos).fill(0.4),
    imageLatents: values(size / batch.frames),
    context: values(batch.videos * config.down[0]!.contextWidth),
    addedTimeIds: values(3 * batch.videos),
  }
  return { goals, feeds }
}

/** SF-V's step for generator and heads, together in one graph and each alone, with R1 and without. */
export async function adversarial(engine: Engine): Promise<BenchResult> {
  const { config } = await benchUNet()
  const both = adversarialStep(config, CLIP)
  const without = adversarialStep(config, CLIP, { gamma: 0 })
  const onInput = adversarialStep(config, CLIP, { penaltyPlace: 'input' })
  const parts: Record<string, { goals: readonly Goal[]; feeds: Record<string, Float32Array> }> = {
    'generator and heads': both,
    'generator alone': { ...both, goals: [both.goals[0]] },
    'heads alone, the fake generated anew': { ...both, goals: [both.goals[1]] },
    'both without R1': without,
    'both, R1 on the input of D': onInput,
  }
  const programs = new Map<string, GradientProgram>()
  for (const [part, { goals }] of Object.entries(parts))
    programs.set(part, await GradientProgram.open(engine, ...goals))
  const steps = Object.entries(parts).map(([part, { feeds }]) => [part, () => programs.get(part)!.run(feeds)] as const)
  const times = await interleaved(Object.fromEntries(steps), 7)
  const peak = await matmulPeak(engine)
  const whole = times['generator and heads']!
  const rows = Object.entries(parts).map(([part, { goals }]) => {
    const derivatives = goals.flatMap(({ loss, trained }) => gradients(loss, [...trained.parameters.values()]))
    const flops = countFlops(derivatives)
    const rate = flops / times[part]! / 1e9
    return {
      step: part,
      ms: milliseconds(times[part]!),
      GFLOP: (flops / 1e9).toFixed(1),
      'GFLOP/s': rate.toFixed(0),
      'share of the MatMul peak': `${((100 * rate) / peak).toFixed(0)} %`,
      'of both': ratio(times[part]!, whole),
    }
  })
  await Promise.all([...programs.values()].map((program) => program.dispose()))
  return {
    title: `SF-V's step on ${MODEL}, 14 latents of 16x16: loss and gradients`,
    rows,
    notes: [
      `Aim: half of the MatMul peak, in this run ${peak.toFixed(0)} GFLOP/s.`,
      'Elementwise work, norms and softmax count as no FLOPs.',
    ],
  }
}

/**
 * Peak memory and time of SF-V's step with blocks' inner values kept and computed again, each in a process of its own.
 */
export async function rematerialisation(): Promise<BenchResult> {
  const rows = []
  for (const videos of [1, 4]) {
    const [kept, again] = [await stepInProcess(videos, false), await stepInProcess(videos, true)]
    rows.push({
      videos: String(videos),
      'kept: MB': kept.megabytes.toFixed(0),
      'again: MB': again.megabytes.toFixed(0),
      'peak, again / kept': ratio(again.megabytes, kept.megabytes),
      'without the process: again / kept': ratio(again.megabytes - again.before, kept.megabytes - kept.before),
      'time, again / kept': ratio(again.seconds, kept.seconds),
    })
  }
  return {
    title: `Rematerialisation of SF-V's step on ${MODEL}: largest resident set`,
    rows,
    notes: [
      'Aim: half. Columns: "kept" keeps the inner values of blocks, "again" computes them again for the gradient. The process is Node before the',
      'first step, with the weights and the graph open. Rematerialisation also turns off the arena of ONNX Runtime, which never frees a buffer.',
    ],
  }
}

/** What a step in a process of its own took. */
interface StepCost {
  /** Resident set before the first step. */
  readonly before: number
  /** Largest resident set. */
  readonly megabytes: number
  readonly seconds: number
}

function stepInProcess(videos: number, rematerialise: boolean): Promise<StepCost> {
  const script = fileURLToPath(new URL('step-memory.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, String(videos), String(rematerialise)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(text) as StepCost) : reject(new Error(`the step ended with ${code}`)),
    )
  })
}

/** Takes steps of `videos` in this process. */
export async function measureStep(engine: Engine, videos: number, rematerialise: boolean): Promise<StepCost> {
  const { goals, feeds } = adversarialStep((await benchUNet()).config, { ...CLIP, videos, rematerialise })
  const program = await GradientProgram.open(engine, ...goals)
  const before = process.memoryUsage().rss / 2 ** 20
  const { step } = await interleaved({ step: () => program.run(feeds) }, 3)
  await program.dispose()
  return { before, megabytes: process.resourceUsage().maxRSS / 1024, seconds: step! }
}
