import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eulerStep, guidanceScales } from '../../../src/diffusion/index.js'
import { lower } from '../../../src/graph/lower.js'
import { input } from '../../../src/graph/ops/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { type Program } from '../../../src/runtime/program.js'
import { GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import {
  consistencyFunction,
  consistencyLoss,
  teacherStep,
  type ConsistencyNetworks,
} from '../../../src/training/objectives/consistency.js'
import { conditionInputs, denoise } from '../../../src/training/objectives/denoiser.js'
import { laddLosses } from '../../../src/training/objectives/ladd.js'
import { ufogenLosses } from '../../../src/training/objectives/ufogen.js'
import { Layout } from '../../../src/training/trainer/parameters.js'
import { traceUNet } from '../../../src/training/objectives/denoiser.js'
import { relativeError } from '../../support/fixture.js'
import { BATCH, CONFIG, randomBatch, randomWeights, tinyNetworks } from '../support/adversarial.js'
import { slopeError } from '../support/slopes.js'
import { smokeRecipe } from '../support/smoke.js'

const engine = nodeEngine({ threads: 1 })
const batch = randomBatch()
const SHAPE = [BATCH.videos, BATCH.frames, CONFIG.outChannels, BATCH.height, BATCH.width]
const GUIDANCE = [1, 3] as const

/** Weights of a network under the names of its graph. */
const feedsOf = (set: ParameterSet) => new Layout(set.shapes).views(randomWeights(set), set.prefix)

/** A network of the tiny configuration, its parameters recorded. */
function tinyUNet(prefix: string): ParameterSet {
  const set = new ParameterSet(prefix)
  traceUNet(set, smokeRecipe('teacher').network as object, 'recipes/smoke/teacher.json')
  return set
}

describe.each([
  ['UFOGen', ufogenLosses, 0.7],
  ['LADD', laddLosses, 0],
] as const)('the losses of %s', (_, losses, lambda) => {
  const networks = tinyNetworks('both')
  const { generator, heads } = networks
  let program: GradientProgram
  let feeds: Record<string, Float32Array>
  beforeAll(async () => {
    const of = losses(networks, BATCH, { lambda: 0.7, gamma: 0.02, penaltyPlace: 'heads' })
    const goals = [
      { ...of.generator, trained: generator },
      { ...of.heads, trained: heads },
    ]
    program = await GradientProgram.open(engine, ...goals)
    feeds = { ...feedsOf(networks.backbone), ...feedsOf(heads), ...feedsOf(generator), ...batch }
  }, 120_000)
  afterAll(() => program.dispose())

  it('are those of the heads as SF-V has them, and for the generator the logits and its reconstruction', async () => {
    const { loss, x0Error, fakeLogit, headsLoss, realLoss, fakeLoss, r1 } = (await program.run(feeds)).metrics
    expect(loss).toBeCloseTo(fakeLogit! + lambda * x0Error!, 5)
    expect(headsLoss).toBeCloseTo(realLoss! + fakeLoss! + 0.02 * r1!, 5)
  })

  it('have the gradients that central differences find', async () => {
    expect(await slopeError(program, 'loss', generator, randomWeights(generator), feeds)).toBeLessThan(1e-2)
    expect(await slopeError(program, 'headsLoss', heads, randomWeights(heads), feeds, 1)).toBeLessThan(1e-2)
  })
})

describe('consistency distillation', () => {
  const networks: ConsistencyNetworks & Record<'student' | 'average' | 'teacher', ParameterSet> = {
    config: CONFIG,
    student: tinyUNet('student/'),
    average: tinyUNet('average/'),
    teacher: tinyUNet('teacher/'),
  }
  const { student, average, teacher } = networks
  const feeds = { ...feedsOf(student), ...feedsOf(average), ...feedsOf(teacher), ...batch }
  const condition = conditionInputs(CONFIG, BATCH)
  const x = input('x', SHAPE)
  const [sigma, sigmaNext] = [input('sigma', [1]), input('sigmaNext', [1])]
  const noisy = batch.latents!.map((value, i) => value + batch.sigma![0]! * batch.noise![i]!)
  const opened: Program[] = []
  afterAll(() => Promise.all(opened.map((program) => program.dispose())))

  async function evaluate(y: ReturnType<typeof input>, more: Record<string, Float32Array>): Promise<Float32Array> {
    const program = await engine.load(lower({ y }))
    opened.push(program)
    return (await program.run({ ...feeds, ...more })).y!
  }

  it('has a function that is the identity at sigmaMin, and the denoiser but for sigmaMin above', async () => {
    const f = consistencyFunction(student, CONFIG, x, sigma, condition)
    expect([...(await evaluate(f, { x: noisy, sigma: Float32Array.of(0.002) }))]).toEqual([...noisy])
    const d = await evaluate(denoise(student, CONFIG, x, sigma, condition), { x: noisy })
    const [error, level] = [relativeError(await evaluate(f, { x: noisy }), d), batch.sigma![0]!]
    expect(error).toBeGreaterThan(1e-5)
    expect(error).toBeLessThan(0.01 / level)
  })

  it('moves latents by an Euler step of the guided teacher', async () => {
    const d = denoise(teacher, CONFIG, x, sigma, condition)
    const conditional = await evaluate(d, { x: noisy })
    const none = { imageLatents: batch.imageLatents!.map(() => 0), context: batch.context!.map(() => 0) }
    const unconditional = await evaluate(d, { x: noisy, ...none })
    const scales = guidanceScales(...GUIDANCE, BATCH.frames)
    const frame = noisy.length / BATCH.frames
    const guided = unconditional.map((u, i) => u + scales[Math.floor(i / frame)]! * (conditional[i]! - u))
    const expected = eulerStep(noisy, guided, batch.sigma![0]!, batch.sigmaNext![0]!)
    const moved = await evaluate(teacherStep(networks, x, sigma, sigmaNext, condition, GUIDANCE), { x: noisy })
    expect(relativeError(moved, expected)).toBeLessThan(1e-5)
  })

  it('holds the student against its average after that step, by the pseudo-Huber distance', async () => {
    const program = await GradientProgram.open(engine, {
      ...consistencyLoss(networks, BATCH, GUIDANCE),
      trained: student,
    })
    const { metrics } = await program.run(feeds)
    const output = await evaluate(consistencyFunction(student, CONFIG, x, sigma, condition), { x: noisy })
    const moved = await evaluate(teacherStep(networks, x, sigma, sigmaNext, condition, GUIDANCE), { x: noisy })
    const next = consistencyFunction(average, CONFIG, x, sigma, condition)
    const target = await evaluate(next, { x: moved, sigma: batch.sigmaNext! })
    const squared = output.reduce((sum, value, i) => sum + (value - target[i]!) ** 2, 0)
    const c = 0.00054 * Math.sqrt(output.length)
    expect(metrics.loss! / (Math.sqrt(squared + c * c) - c)).toBeCloseTo(1, 4)
    expect(await slopeError(program, 'loss', student, randomWeights(student), feeds)).toBeLessThan(1e-2)
    await program.dispose()
  }, 120_000)
})
