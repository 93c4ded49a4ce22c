import { beforeAll, describe, expect, it } from 'vitest'
import { ParameterSet } from '../../../src/nn/weights.js'
import { Learner, type LearnerOptions } from '../../../src/training/trainer/learner.js'
import { adamW, sm3, type Optimizer } from '../../../src/training/trainer/optimizers.js'
import { readFixture, readJson, tensorOf } from '../../support/fixture.js'

interface Config {
  shapes: number[][]
  steps: number
  sm3: Record<string, { lr: number; momentum: number; beta: number; eps: number }>
  adamw: Record<string, { lr: number; betas: [number, number]; eps: number; weight_decay: number }>
  ema: Record<string, { decay: number; of: string }>
}

const LIMIT = 2e-6
const config = readJson<Config>('optim/config.json')
const tensors = readFixture('optim/case.safetensors.gz')
const names = config.shapes.map((_, i) => `p${i}`)

/** The tensors NAME.p0, NAME.p1, ... of the fixture, one after another as a learner keeps them. */
function joined(name: (i: number) => string): Float32Array {
  return Float32Array.from(names.flatMap((_, i) => [...tensorOf(tensors, name(i)).data]))
}

function open(optimizer: Optimizer, options: Partial<LearnerOptions> = {}): Learner {
  const set = new ParameterSet()
  config.shapes.forEach((shape, i) => set.get(names[i]!, shape))
  return new Learner(
    set,
    joined((i) => `in.p${i}`),
    { optimizer, emaDecay: 0, ...options },
  )
}

function furthest(actual: Float32Array, expected: ArrayLike<number>): number {
  expect(actual).toHaveLength(expected.length)
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
}

/** What a learner holds after each of the fixture's steps, by the fixture's names. */
async function history(learner: Learner, rate: number): Promise<Record<string, Float32Array>[]> {
  const states: Record<string, Float32Array>[] = []
  for (let step = 1; step <= config.steps; step++) {
    await learner.apply(
      joined((i) => `in.step${step}.g${i}`),
      rate,
    )
    const state = { ...learner.layout.views(learner.parameters), ...learner.layout.views(learner.average, 'average ') }
    for (const { layout, values } of Object.values(learner.slots)) Object.assign(state, layout.views(values))
    states.push(Object.fromEntries(Object.entries(state).map(([name, values]) => [name, values.slice()])))
  }
  return states
}

describe.each(Object.entries(config.sm3))('%s', (name, { lr, momentum, beta, eps }) => {
  let states: Record<string, Float32Array>[]
  beforeAll(async () => {
    const learner = open(sm3({ momentum, beta, eps }))
    states = await history(learner, lr)
  })

  it('moves the parameters as the reference', () => {
    states.forEach((state, s) =>
      names.forEach((p) => {
        expect(furthest(state[p]!, tensorOf(tensors, `${name}.step${s + 1}.${p}`).data)).toBeLessThan(LIMIT)
      }),
    )
  })

  it('keeps the momentum and one accumulator per axis of the reference', () => {
    states.forEach((state, s) =>
      config.shapes.forEach((shape, i) => {
        const reference = (slot: string) => tensorOf(tensors, `${name}.step${s + 1}.${slot}`).data
        expect(furthest(state[`mom/p${i}`]!, reference(`mom${i}`))).toBeLessThan(LIMIT)
        shape.forEach((_, axis) => {
          const expected = reference(`acc${i}.${axis}`)
          // Sums of squares: beyond 1, float32 itself is no nearer than this.
          const limit = LIMIT * Math.max(1, ...expected)
          expect(furthest(state[`acc${axis}/p${i}`]!, expected)).toBeLessThan(limit)
        })
      }),
    )
  })
})

describe.each(Object.entries(config.adamw))('%s', (name, { lr, betas, eps, weight_decay: weightDecay }) => {
  it('moves the parameters as PyTorch', async () => {
    const learner = open(adamW({ betas, eps, weightDecay }))
    const states = await history(learner, lr)
    states.forEach((state, s) =>
      names.forEach((p) => {
        expect(furthest(state[p]!, tensorOf(tensors, `${name}.step${s + 1}.${p}`).data)).toBeLessThan(LIMIT)
      }),
    )
  })
})

describe.each(Object.entries(config.ema))('%s', (name, { decay, of }) => {
  it('averages the parameters as the reference', async () => {
    const { lr, ...options } = config.sm3[of]!
    const learner = open(sm3(options), { emaDecay: decay })
    const states = await history(learner, lr)
    states.forEach((state, s) =>
      names.forEach((p) => {
        expect(furthest(state[`average ${p}`]!, tensorOf(tensors, `${name}.step${s + 1}.${p}`).data)).toBeLessThan(
          LIMIT,
        )
      }),
    )
  })
})

describe('a learner', () => {
  const gradient = joined((i) => `in.step2.g${i}`)
  const norm = Math.hypot(...gradient)
  const scaled = (factor: number) => gradient.map((g) => g * factor)
  // A large eps keeps AdamW's step in proportion to the gradient, so that a wrong scale shows.
  const optimizer = adamW({ betas: [0.9, 0.99], eps: 1, weightDecay: 0 })

  it('returns the norm of the gradient and scales it down to the largest allowed', async () => {
    const clipped = open(optimizer, { maxGradientNorm: norm / 4 })
    const plain = open(optimizer)
    expect(await clipped.apply(gradient, 1)).toBeCloseTo(norm, 4)
    await plain.apply(scaled(1 / 4), 1)
    expect(furthest(clipped.parameters, plain.parameters)).toBeLessThan(LIMIT)
  })

  it('leaves a gradient below the largest norm alone', async () => {
    const clipped = open(optimizer, { maxGradientNorm: 2 * norm })
    const plain = open(optimizer)
    await clipped.apply(gradient, 1)
    await plain.apply(gradient, 1)
    expect(clipped.parameters).toEqual(plain.parameters)
  })

  it('sums the norm of a long gradient without losing digits', async () => {
    const size = 2_000_003
    const set = new ParameterSet()
    set.get('long', [size])
    const learner = new Learner(set, new Float32Array(size), { optimizer, emaDecay: 0 })
    const value = Math.fround(0.1)
    expect((await learner.apply(new Float32Array(size).fill(value), 1)) / (value * Math.sqrt(size))).toBeCloseTo(1, 10)
  })

  it('updates its vectors in place, the only ones that it has', async () => {
    const learner = open(sm3({ momentum: 0.5, beta: 0.9, eps: 1e-30 }))
    const held = () => [
      learner.parameters,
      learner.average,
      ...Object.values(learner.slots).map(({ values }) => values),
    ]
    const [before, values] = [held(), learner.parameters.slice()]
    await learner.apply(new Float32Array(learner.layout.size).fill(1), 0.1)
    held().forEach((vector, i) => expect(vector).toBe(before[i]))
    expect(learner.parameters).not.toEqual(values)
  })

  it('updates tensors with SM3 alike, whichever lie beside them', async () => {
    const shapes = [[3], [600, 500], [7, 2, 3], [1], [600, 500], [3], []]
    const wave = (size: number, step: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * step))
    const openWith = (of: readonly (readonly number[])[]) => {
      const set = new ParameterSet()
      of.forEach((shape, i) => set.get(`t${i}`, shape))
      const size = of.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
      const options = { optimizer: sm3({ momentum: 0.5, beta: 0.9, eps: 1e-30 }), emaDecay: 0.5 }
      return new Learner(set, new Float32Array(size).fill(1), options)
    }
    const together = openWith(shapes)
    const alone = shapes.map((shape) => openWith([shape]))
    for (let step = 1; step <= 2; step++) {
      const gradient = wave(together.layout.size, step)
      await together.apply(gradient, 0.1)
      const spans = together.layout.spans
      for (const [i, learner] of alone.entries())
        await learner.apply(gradient.slice(spans[i]!.offset, spans[i]!.offset + spans[i]!.size), 0.1)
    }
    // On long vectors `toEqual` takes minutes; undefined is what neither has.
    const same = (a?: Float32Array, b?: Float32Array) => a?.length === b?.length && a?.every((x, at) => x === b?.[at])
    for (const [i, learner] of alone.entries()) {
      const { layout, slots } = together
      expect(same(layout.views(together.parameters)[`t${i}`], learner.parameters), `t${i}`).not.toBe(false)
      expect(same(layout.views(together.average)[`t${i}`], learner.average), `average of t${i}`).not.toBe(false)
      for (const [slot, { layout, values }] of Object.entries(slots)) {
        const own = layout.views(values)[`${slot}/t${i}`]
        expect(same(own, learner.slots[slot]?.values), `${slot} of t${i}`).not.toBe(false)
      }
    }
  })

  it('steps a parameter without axes with SM3', async () => {
    const set = new ParameterSet()
    set.get('scale', [])
    const learner = new Learner(set, Float32Array.of(1), {
      optimizer: sm3({ momentum: 0, beta: 0, eps: 1e-30 }),
      emaDecay: 0,
    })
    await learner.apply(Float32Array.of(3), 0.5)
    expect(learner.parameters[0]).toBeCloseTo(0.5, 6)
    await learner.apply(Float32Array.of(4), 0.5)
    expect(learner.parameters[0]).toBeCloseTo(0.5 - (0.5 * 4) / 5, 6)
  })
})
