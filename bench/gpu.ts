// Everything that is worth knowing of a machine with a GPU, in one table: npm run bench:gpu -- [--device cuda] [--tiny]
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ParameterSet } from '../src/nn/weights.js'
import type { UNetConfig } from '../src/models/unet/index.js'
import { initPipeline } from '../src/pipeline/init.node.js'
import { Model } from '../src/svd/model.js'
import type { Network } from '../src/svd/network.js'
import { openModelFolder } from '../src/svd/model-folder.node.js'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import type { DeviceChoice } from '../src/runtime/device-names.js'
import { nodeEngine } from '../src/runtime/engine.node.js'
import type { Engine } from '../src/runtime/program.js'
import { type Goal, GradientProgram } from '../src/training/trainer/gradient-program.js'
import { initialValues } from '../src/training/trainer/initial-values.js'
import { Learner } from '../src/training/trainer/learner.js'
import type { LatentBatch } from '../src/training/objectives/denoiser.js'
import { denoisingLoss } from '../src/training/objectives/teacher.node.js'
import { adamW } from '../src/training/trainer/optimizers.js'
import { Layout } from '../src/training/trainer/parameters.js'
import { adversarialStep } from './adversarial.js'
import { interleaved, values } from './measure.js'
import { benchUNet, MODEL } from './model.js'

const { values: options } = parseArgs({
  options: { device: { type: 'string', default: 'cuda' }, tiny: { type: 'boolean', default: false } },
})
const device = options.device as DeviceChoice
const tiny = options.tiny
/** What is measured; `--tiny` runs the same code in a minute on a processor. */
const SIZES = tiny
  ? {
      clip: { frames: 2, height: 8, width: 8 },
      steps: 2,
      batches: [1],
      preset: 'tiny',
      pictures: ['64x64'],
      frames: 2,
      animate: [1],
    }
  : {
      clip: { frames: 14, height: 16, width: 16 },
      steps: 20,
      batches: [16, 32, 64],
      preset: 'svd',
      pictures: ['576x320', '1024x576'],
      frames: 14,
      animate: [1, 25],
    }
const gpu = nodeEngine({ device })
const cpu = nodeEngine()
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toPrecision(3)} s`
let failed = false

/** Prints a row of the table; what cannot be done is a row too, with its reason, and the others go on. */
async function row(what: string, size: string, measure: () => Promise<string>): Promise<void> {
  const result = await measure().catch((error: unknown) => {
    failed = true
    return `failed: ${String(error).split('\n')[0]}`
  })
  console.log(`| ${what} | ${size} | ${result} |`)
}

/** ||a - b|| / ||b||. */
function difference(a: Float32Array, b: Float32Array): number {
  const norm = (of: (i: number) => number) => Math.sqrt(b.reduce((sum, _, i) => sum + of(i) ** 2, 0))
  return norm((i) => a[i]! - b[i]!) / norm((i) => b[i]!)
}

async function outputOf(network: Network): Promise<Float32Array> {
  const program = await network.open()
  const feeds = program.inputs.map(({ name, shape }) => [name, values(shape.reduce((a, b) => a * b, 1))])
  const outputs = await program.run(Object.fromEntries(feeds) as Record<string, Float32Array>)
  await network.close()
  return Object.values(outputs)[0]!
}

/** Steps of some losses on a device: the trained parameters after them, and the median time of a step. */
async function trainingRun(engine: Engine, { goals, feeds }: Training, steps: number) {
  const program = await GradientProgram.open(engine, ...goals)
  const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })
  const learners = goals.map(({ trained }) => {
    const initial = initialValues(trained, new Layout(trained.shapes), 1)
    return new Learner(trained, initial, { optimizer, emaDecay: 0.999, maxGradientNorm: 1 })
  })
  const step = async () => {
    await program.run(Object.assign({}, feeds, ...learners.map((learner) => learner.feeds())) as Training['feeds'])
    for (const [i, learner] of learners.entries()) await learner.apply(program.gradients[i]!, 1e-4)
  }
  // One more to warm up.
  const times = await interleaved({ step }, steps - 1)
  const parameters = learners[0]!.parameters.slice()
  await program.dispose()
  return { parameters, time: times['step']! }
}

interface Training {
  readonly goals: readonly Goal[]
  readonly feeds: Record<string, Float32Array>
}

const TRAININGS: Readonly<Record<string, (config: UNetConfig, batch: LatentBatch) => Training>> = {
  teacher: (config, batch) => {
    const trained = new ParameterSet('unet/')
    const goals = [{ ...denoisingLoss(trained, config, batch), trained }]
    const latents = values(batch.videos * batch.frames * config.outChannels * batch.height * batch.width)
    const feeds = {
      latents,
      noise: values(latents.length),
      sigma: new Float32Array(batch.videos).fill(1),
      imageLatents: values(latents.length / batch.frames),
      context: values(batch.videos * config.down[0]!.contextWidth),
      addedTimeIds: values(3 * batch.videos),
    }
    return { goals, feeds }
  },
  'SF-V': (config, batch) => adversarialStep(config, batch),
}

/** Megabytes that the first NVIDIA card has in use, or what this process has where there is none. */
function memoryInUse(): string {
  const { stdout } = spawnSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader'], { encoding: 'utf8' })
  const used = (stdout ?? '').split('\n')[0]!.trim()
  return used === '' ? `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB of the process` : `${used} of the card`
}

console.log(`On ${gpu.device}, beside the CPU.\n\n| what | size | result |\n| --- | --- | --- |`)
const { config } = await benchUNet()
const { clip } = SIZES
const clipSize = `${clip.frames}x${clip.height}x${clip.width}`
const NETWORKS: Readonly<Record<string, (model: Model) => Network>> = {
  UNet: (model) => model.unet('unet', { batch: 1, ...clip }),
  'image encoder': (model) => model.imageEncoder(),
  'VAE decoder': (model) => model.vaeDecoder(clip.frames, clip.height, clip.width),
}
const source = await openModelFolder(MODEL)
for (const [name, of] of Object.entries(NETWORKS))
  for (const precision of ['float32', 'float16'] as const)
    await row(`${name}, ${precision}: difference from the CPU`, clipSize, async () => {
      const [found, expected] = [new Model(source, gpu, precision), new Model(source, cpu)].map((model) => of(model))
      return difference(await outputOf(found!), await outputOf(expected!)).toExponential(1)
    })
for (const [name, of] of Object.entries(TRAININGS)) {
  await row(`${name}: difference of the parameters after ${SIZES.steps} steps`, clipSize, async () => {
    const training = () => of(config, { videos: 1, ...clip })
    const [found, expected] = [
      await trainingRun(gpu, training(), SIZES.steps),
      await trainingRun(cpu, training(), SIZES.steps),
    ]
    return difference(found.parameters, expected.parameters).toExponential(1)
  })
  for (const videos of SIZES.batches)
    await row(`${name}: clip-steps a second`, `batch ${videos}`, async () => {
      const { time } = await trainingRun(gpu, of(config, { videos, ...clip }), Math.min(SIZES.steps, 6))
      return (videos / time).toPrecision(3)
    })
}
for (const steps of SIZES.animate)
  await row('animate, the second clip', `${steps} steps`, async () => {
    const sfv = await ImageToVideo.fromPretrained(MODEL, { device, cache: false })
    const animate = () => sfv.animate('examples/balloon.png', { steps, seed: 1 })
    await animate()
    const start = performance.now()
    await animate()
    return seconds(performance.now() - start)
  })
const folder = await mkdtemp(join(tmpdir(), 'sfv-bench-gpu-'))
try {
  const path = join(folder, 'model')
  await initPipeline({ config: SIZES.preset, out: path, seed: 1, dtype: 'F16' })
  const full = new Model(await openModelFolder(path), gpu, 'float16')
  for (const size of SIZES.pictures) {
    const [width, height] = size.split('x').map((n) => Number(n) / 8) as [number, number]
    await row(`UNet of ${SIZES.preset}, float16: one forward`, `${SIZES.frames} of ${size}`, async () => {
      const network = full.unet('unet', { batch: 1, frames: SIZES.frames, height, width })
      const start = performance.now()
      await outputOf(network)
      return `${seconds(performance.now() - start)} with opening, ${memoryInUse()}`
    })
  }
  const [width, height] = SIZES.pictures[0]!.split('x').map((n) => Number(n) / 8) as [number, number]
  await row(`SF-V on ${SIZES.preset}: one training step`, `${SIZES.frames} of ${SIZES.pictures[0]}`, async () => {
    const batch = { videos: 1, frames: SIZES.frames, height, width, rematerialise: true }
    const { time } = await trainingRun(gpu, adversarialStep(full.unetConfig('unet'), batch), 2)
    return `${seconds(1000 * time)}, ${memoryInUse()}`
  })
} finally {
  await rm(folder, { recursive: true, force: true })
}
if (failed) process.exitCode = 1
