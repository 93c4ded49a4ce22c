import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gradients } from '../../../src/graph/gradients.js'
import { lower } from '../../../src/graph/lower.js'
import { input } from '../../../src/graph/ops/index.js'
import { discriminatorHeads, type HeadKind } from '../../../src/models/discriminator/heads.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { type Program } from '../../../src/runtime/program.js'
import { Random } from '../../../src/runtime/random.js'
import { type Goal, GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import { Learner } from '../../../src/training/trainer/learner.js'
import { adversarialLosses, type AdversarialOptions } from '../../../src/training/objectives/sfv.js'
import { type LatentBatch } from '../../../src/training/objectives/denoiser.js'
import { adamW } from '../../../src/training/trainer/optimizers.js'
import { Layout } from '../../../src/training/trainer/parameters.js'
import { relativeError } from '../../support/fixture.js'
import { BATCH, randomBatch, randomWeights, tinyNetworks } from '../support/adversarial.js'
import { slopeError } from '../support/slopes.js'

const engine = nodeEngine({ threads: 1 })
const optimizer = adamW({ betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 })

/** Whether two vectors are one, bit for bit. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer))
}

describe('the steps of latent adversarial training', () => {
  const networks = tinyNetworks('both')
  const { generator, heads, backbone } = networks
  const batch = randomBatch()
  const options = { lambda: 0.1, gamma: 0.02, penaltyPlace: 'heads' } as const
  const goals = (more: Partial<AdversarialOptions> = {}, of = networks, size: LatentBatch = BATCH) => {
    const losses = adversarialLosses(of, size, { ...options, ...more })
    return [
      { ...losses.generator, trained: of.generator },
      { ...losses.heads, trained: of.heads },
    ] as const
  }
  const weights: Record<string, Float32Array> = {}
  const programs: GradientProgram[] = []
  const open = async (...list: readonly Goal[]) => {
    const program = await GradientProgram.open(engine, ...list)
    programs.push(program)
    return program
  }
  let program: GradientProgram

  beforeAll(async () => {
    program = await open(...goals())
    for (const set of [generator, heads, backbone]) weights[set.prefix] = randomWeights(set)
  }, 240_000)
  afterAll(() => Promise.all(programs.map((each) => each.dispose())))

  const layoutOf = (set: ParameterSet) => new Layout(set.shapes)
  const viewsOf = (set: ParameterSet, values = weights[set.prefix]!) => layoutOf(set).views(values, set.prefix)
  const all = () => ({ ...viewsOf(backbone), ...viewsOf(heads), ...viewsOf(generator) })

  const feeds = () => ({ ...all(), ...batch })

  it('give each network the gradient that central differences find, R1 on the input of the heads included', async () => {
    const of = (set: ParameterSet) => [set, weights[set.prefix]!, feeds()] as const
    expect(await slopeError(program, 'loss', ...of(generator))).toBeLessThan(1e-2)
    expect(await slopeError(program, 'headsLoss', ...of(heads), 1)).toBeLessThan(1e-2)
  })

  it.each(['heads', 'input'] as const)(
    'take the gradient of R1 on the %s through second order: central differences find it',
    async (penaltyPlace) => {
      const [, onHeads] = goals({ penaltyPlace })
      const penalty = await open({ loss: onHeads.metrics.r1!, metrics: {}, trained: heads })
      expect(await slopeError(penalty, 'loss', heads, weights[heads.prefix]!, feeds())).toBeLessThan(1e-2)
    },
    120_000,
  )

  it('are the same where blocks are computed again for the gradient', async () => {
    const again = await open(...goals({}, networks, { ...BATCH, rematerialise: true }))
    const [kept, computed] = [await program.run(feeds()), await again.run(feeds())]
    for (const [name, value] of Object.entries(kept.metrics)) expect(computed.metrics[name]).toBeCloseTo(value, 3)
    program.gradients.forEach((g, i) => expect(relativeError(again.gradients[i]!, g)).toBeLessThan(1e-4))
  }, 120_000)

  it('are the sums of their terms', async () => {
    const { metrics } = await program.run({ ...all(), ...batch })
    const { loss, fakeLogit, reconstruction, headsLoss, realLoss, fakeLoss, r1 } = metrics
    expect(loss).toBeCloseTo(fakeLogit! + 0.1 * reconstruction!, 4)
    expect(headsLoss).toBeCloseTo(realLoss! + fakeLoss! + 0.02 * r1!, 5)
    expect(r1).toBeGreaterThan(0)
  })

  it('leave R1 out at gamma 0', () => {
    expect(goals({ gamma: 0 })[1].metrics).not.toHaveProperty('r1')
  })

  it('differentiate by the weights of one network each', () => {
    const judged = lower({ loss: goals()[1].loss })
    expect(judged.inputs.filter(({ name }) => name.startsWith(heads.prefix))).toHaveLength(heads.parameters.size)
    expect(program.gradients.map(({ length }) => length)).toEqual([generator.count, heads.count])
  })

  it('run the backbone on real latents in inference form: no gradient passes it', () => {
    const real = tinyNetworks('both')
    const loss = goals({ gamma: 0 }, real)[1].loss
    gradients(loss, [...real.heads.parameters.values()])
    const types = (training: boolean | 'where differentiated') =>
      Buffer.from(lower({ loss }, { training }).model).toString('latin1').split('MultiHeadAttention').length
    expect(types('where differentiated')).toBe(types(false))
    expect(types(true)).toBe(1)
  })

  it('average micro-batches into the gradient of one large batch', async () => {
    const feeds = [batch, { ...batch, latents: batch.noise!, noise: batch.latents! }]
    const each: { metrics: Record<string, number>; gradients: Float32Array[] }[] = []
    for (const feed of feeds) {
      const { metrics } = await program.run({ ...all(), ...feed })
      each.push({ metrics, gradients: program.gradients.map((gradient) => gradient.slice()) })
    }
    const { metrics } = await program.accumulate(2, (i) => Promise.resolve({ ...all(), ...feeds[i] }))
    program.gradients.forEach((gradient, goal) => {
      const [a, b] = each.map(({ gradients }) => gradients[goal]!) as [Float32Array, Float32Array]
      expect(
        relativeError(
          gradient,
          a.map((x, i) => (x + b[i]!) / 2),
        ),
      ).toBeLessThan(1e-6)
    })
    for (const [name, value] of Object.entries(metrics))
      expect(value).toBeCloseTo((each[0]!.metrics[name]! + each[1]!.metrics[name]!) / 2, 5)
  })

  it('reach every parameter of every head', async () => {
    await program.run({ ...all(), ...batch })
    const found = Object.entries(layoutOf(heads).views(program.gradients[1]!))
    const still = found.filter(([, g]) => g.every((x) => x === 0)).map(([name]) => name)
    // A bias at the end moves real and fake logits alike: while neither hinge is slack, its gradient cancels.
    expect(still.filter((name) => !name.endsWith('conv_out.bias'))).toEqual([])
  })

  it('move their own network, and leave the backbone as it is, bit for bit', async () => {
    const settings = { optimizer, emaDecay: 0.95 }
    const g = new Learner(generator, weights[generator.prefix]!, settings)
    const d = new Learner(heads, weights[heads.prefix]!, settings)
    const before = weights[backbone.prefix]!.slice()
    for (let step = 0; step < 2; step++) {
      const [oldG, oldD] = [g.parameters.slice(), d.parameters.slice()]
      await program.run({ ...g.feeds(), ...d.feeds(), ...viewsOf(backbone), ...batch })
      await g.apply(program.gradients[0]!, 1e-3)
      expect(sameBits(g.parameters, oldG)).toBe(false)
      expect(sameBits(d.parameters, oldD)).toBe(true)
      const newG = g.parameters.slice()
      await d.apply(program.gradients[1]!, 1e-3)
      expect(sameBits(d.parameters, oldD)).toBe(false)
      expect(sameBits(g.parameters, newG)).toBe(true)
    }
    expect(sameBits(weights[backbone.prefix]!, before)).toBe(true)
  })

  it('teach the heads to be low on real latents and high on fakes', async () => {
    const learner = new Learner(heads, weights[heads.prefix]!, { optimizer, emaDecay: 0.95 })
    const losses: number[] = []
    let logits = { realLogit: 0, fakeLogit: 0 }
    for (let step = 0; step < 30; step++) {
      const { metrics } = await program.run({ ...all(), ...learner.feeds(), ...batch })
      losses.push(metrics.headsLoss!)
      logits = { realLogit: metrics.realLogit!, fakeLogit: metrics.fakeLogit! }
      await learner.apply(program.gradients[1]!, 1e-2)
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2)
    expect(logits.realLogit).toBeLessThan(0)
    expect(logits.fakeLogit).toBeGreaterThan(0)
  })
})

describe('the heads', () => {
  const frames = 4
  const features = [input('outer', [2 * frames, 32, 4, 3]), input('inner', [2 * frames, 32, 2, 2])]

  function build(kind: HeadKind) {
    const set = new ParameterSet()
    const conditions = { frames, context: input('context', [2, 1, 32]), noise: input('noise', [2]) }
    return { set, logits: discriminatorHeads(set, features, { heads: kind, width: 8, projection: 8 }, conditions) }
  }

  const named = (set: ParameterSet) => [
    ...new Set([...set.parameters.keys()].map((name) => name.split('.').slice(0, 2).join('.'))),
  ]

  const feeds = {
    outer: new Random(1, 'outer').normals(features[0]!.size),
    inner: new Random(1, 'inner').normals(features[1]!.size),
    context: new Random(1, 'context').normals(64),
    noise: Float32Array.of(-1.2, 0.4),
  }

  const opened = new Map<HeadKind, Promise<Program>>()
  afterAll(async () => {
    for (const program of opened.values()) await (await program).dispose()
  })

  /** The logits of every head on the features and conditions of `feeds`, some of them changed. */
  async function run(kind: HeadKind, changed: Partial<typeof feeds> = {}): Promise<Float32Array[]> {
    const { set, logits } = build(kind)
    const outputs = Object.fromEntries(logits.map((x, i) => [`logits${i}`, x]))
    const program = opened.get(kind) ?? engine.load(lower(outputs))
    opened.set(kind, program)
    const weights = new Layout(set.shapes).views(randomWeights(set))
    const result = await (await program).run({ ...weights, ...feeds, ...changed })
    return logits.map((_, i) => result[`logits${i}`]!)
  }

  it.each([
    ['spatial', ['spatial.0', 'spatial.1']],
    ['temporal', ['temporal.0', 'temporal.1']],
    ['both', ['spatial.0', 'temporal.0', 'spatial.1', 'temporal.1']],
  ] as const)('%s: are %j', (kind, expected) => {
    const { set, logits } = build(kind)
    expect(named(set)).toEqual(expected)
    const shapes = { 'spatial.0': [8, 4, 3], 'temporal.0': [24, 4], 'spatial.1': [8, 2, 2], 'temporal.1': [8, 4] }
    expect(logits.map(({ shape }) => shape)).toEqual(expected.map((name) => shapes[name]))
  })

  it('of a both-headed discriminator are those of the two kinds', async () => {
    const [spatial, temporal, both] = [await run('spatial', {}), await run('temporal', {}), await run('both', {})]
    const apart = [spatial[0]!, temporal[0]!, spatial[1]!, temporal[1]!]
    both.forEach((logits, i) => expect(relativeError(logits, apart[i]!)).toBeLessThan(1e-6))
  })

  /** The outer features with the frame 2 of video 0 changed, in all pixels or in one. */
  function touched(pixel?: number): Float32Array {
    const pixels = 12
    const [from, to] = [2 * 32 * pixels, 3 * 32 * pixels]
    return feeds.outer.map((x, i) => (i >= from && i < to && (pixel ?? i % pixels) === i % pixels ? x + 1 : x))
  }

  it('spatial ones see each frame by itself', async () => {
    const [before, after] = [(await run('spatial'))[0]!, (await run('spatial', { outer: touched() }))[0]!]
    for (let frame = 0; frame < 8; frame++) {
      const [a, b] = [before, after].map((logits) => [...logits.subarray(12 * frame, 12 * (frame + 1))])
      if (frame === 2) expect(a).not.toEqual(b)
      else expect(a).toEqual(b)
    }
  })

  it('temporal ones see each pixel by itself, over the frames around', async () => {
    const pixel = 5
    const [before, after] = [(await run('temporal'))[0]!, (await run('temporal', { outer: touched(pixel) }))[0]!]
    for (let row = 0; row < 24; row++) {
      const [a, b] = [before, after].map((logits) => logits.subarray(4 * row, 4 * (row + 1))) as [
        Float32Array,
        Float32Array,
      ]
      // Besides the changed frame's logit, those of its neighbours and, through the norm's statistics, all frames.
      if (row === pixel) expect([...a].every((logit, frame) => logit !== b[frame])).toBe(true)
      else expect([...a]).toEqual([...b])
    }
  })

  it.each(['spatial', 'temporal'] as const)(
    '%s ones are conditioned on picture, noise level and frame',
    async (kind) => {
      const [plain] = await run(kind)
      const [otherPicture] = await run(kind, { context: feeds.context.map((x, i) => (i < 32 ? -x : x)) })
      const [otherNoise] = await run(kind, { noise: Float32Array.of(-1.2, 0.5) })
      const half = plain!.length / 2
      expect(otherPicture!.subarray(0, half)).not.toEqual(plain!.subarray(0, half))
      expect(otherPicture!.subarray(half)).toEqual(plain!.subarray(half))
      expect(otherNoise!.subarray(0, half)).toEqual(plain!.subarray(0, half))
      expect(otherNoise!.subarray(half)).not.toEqual(plain!.subarray(half))
      // Features that are the same in every frame: what is left to tell frames apart is their index.
      const still = feeds.outer.map((_, i) => Math.sin(i % (32 * 12)))
      const [logits] = await run(kind, { outer: still })
      const step = kind === 'spatial' ? 12 : 1
      expect(logits![0]).not.toBeCloseTo(logits![step]!, 4)
    },
  )
})
