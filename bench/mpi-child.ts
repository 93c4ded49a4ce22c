/**
 * One process of the MPI bench: takes training steps of models/fluent's UNet on one thread, and prints, first process alone, the
 * median of their seconds, of their processor time, and of the time spent on averaging the gradients.
 */
import { nodeEngine } from '../src/runtime/engine.node.js'
import { alone, type Group } from '../src/runtime/group.js'
import { joinMpi } from '../src/runtime/mpi.node.js'
import { GradientProgram } from '../src/training/trainer/gradient-program.js'
import { initialValues } from '../src/training/trainer/initial-values.js'
import { Learner } from '../src/training/trainer/learner.js'
import { denoisingLoss } from '../src/training/objectives/teacher.node.js'
import { adamW } from '../src/training/trainer/optimizers.js'
import { Layout } from '../src/training/trainer/parameters.js'
import { median, values } from './measure.js'
import { benchUNet, CLIP } from './model.js'

const STEPS = 7

const job = await joinMpi()
const group = job?.group ?? alone
let averaging = 0
const timed: Group = {
  ...group,
  average: async (gradient) => {
    const before = performance.now()
    await group.average(gradient)
    averaging = (performance.now() - before) / 1000
  },
}
const { config, set } = await benchUNet('unet/')
const engine = nodeEngine({ threads: 1 })
const program = await GradientProgram.open(engine, { ...denoisingLoss(set, config, CLIP), trained: set })
const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })
const initial = initialValues(set, new Layout(set.shapes), 1)
const learner = new Learner(set, initial, {
  optimizer,
  emaDecay: 0.999,
  maxGradientNorm: 1,
  group: timed,
})
const latents = values(CLIP.frames * config.outChannels * CLIP.height * CLIP.width)
const image = (config.inChannels - config.outChannels) * CLIP.height * CLIP.width
const feeds = {
  latents,
  noise: values(latents.length),
  sigma: Float32Array.of(1),
  imageLatents: values(image),
  context: values(config.down[0]!.contextWidth),
  addedTimeIds: values(3),
}
const steps: number[] = []
const processor: number[] = []
const reductions: number[] = []
for (let i = 0; i <= STEPS; i++) {
  const [before, cpu] = [performance.now(), process.cpuUsage()]
  await program.run({ ...learner.feeds(), ...feeds })
  await learner.apply(program.gradients[0]!, 1e-6)
  // The first step warms up.
  if (i === 0) continue
  const { user, system } = process.cpuUsage(cpu)
  steps.push((performance.now() - before) / 1000)
  processor.push((user + system) / 1e6)
  reductions.push(averaging)
}
if (group.rank === 0)
  console.log(
    JSON.stringify({
      step: median(steps),
      processor: median(processor),
      averaging: median(reductions),
      parameters: set.count,
    }),
  )
job?.leave()
