import { expect } from 'vitest'
import { gradients, topologicalOrder } from '../../../src/graph/gradients.js'
import { lower, type LowerOptions } from '../../../src/graph/lower.js'
import { addAll, input, mul, sum } from '../../../src/graph/ops/index.js'
import { type Tensor } from '../../../src/graph/tensor.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { type Values } from '../../../src/runtime/program.js'
import { relativeError } from '../../support/fixture.js'
import { type OpCase } from './case.js'
import { values, type Nd } from './nd.js'

/** One thread: these graphs are too small to share. */
const engine = nodeEngine({ threads: 1 })

type Outputs = Readonly<Record<string, Tensor>>
type Feeds = Record<string, Values>

/** Opens a graph, lets `use` run it any number of times, and closes it. */
export async function withProgram<T>(
  outputs: Outputs,
  options: LowerOptions,
  use: (run: (feeds: Feeds) => Promise<Record<string, Float32Array>>) => Promise<T>,
): Promise<T> {
  const program = await engine.load(lower(outputs, options))
  try {
    return await use((feeds) => program.run(feeds))
  } finally {
    await program.dispose()
  }
}

/** Runs a graph once. */
export function evaluate(outputs: Outputs, feeds: Feeds = {}, options: LowerOptions = {}) {
  return withProgram(outputs, options, (run) => run(feeds))
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((total, value, i) => total + value * b[i]!, 0)
}

/**
 * Largest distance over the largest expected magnitude, or over 0.1 where that is larger: gradients may all be zero.
 */
function errorOf(actual: ArrayLike<number>, expected: Float32Array): number {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return scale < 0.1 ? relativeError([...Array.from(actual), 0.1], [...expected, 0.1]) : relativeError(actual, expected)
}

/**
 * The gradient of `scalarOf` by every input, from central differences of fourth order:
 * (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h.
 */
async function differences(scalarOf: (feeds: Feeds) => Promise<number>, inputs: Record<string, Nd>, h: number) {
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data.slice()]))
  const result: Record<string, Float32Array> = {}
  for (const [name, data] of Object.entries(feeds)) {
    const gradient = new Float32Array(data.length)
    for (let i = 0; i < data.length; i++) {
      const x = data[i]!
      const shifted = (offset: number) => {
        data[i] = x + offset
        return scalarOf(feeds)
      }
      const near = (await shifted(h)) - (await shifted(-h))
      const far = (await shifted(2 * h)) - (await shifted(-2 * h))
      gradient[i] = (8 * near - far) / (12 * h)
      data[i] = x
    }
    result[name] = gradient
  }
  return result
}

/**
 * Checks an op's value against plain arithmetic, its gradient against central differences of its value, and the
 * gradient of its gradient against central differences of that. The cotangent counts as an input of the gradient.
 */
export async function checkCase(test: OpCase): Promise<void> {
  const inputs = Object.fromEntries(test.inputs.map((nd, i) => [`x${i}`, nd]))
  const leaves = Object.entries(inputs).map(([name, { shape }]) => input(name, shape))
  const output = test.build(...leaves)
  expect(topologicalOrder([output]).map((tensor) => tensor.op.name)).toContain(test.op)
  const expected = test.expected(...test.inputs)
  expect(output.shape).toEqual(expected.shape)
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]))

  const cotangent = values(output.shape, 7)
  const withCotangent = { ...inputs, cotangent }
  const cotangentLeaf = input('cotangent', output.shape)
  const first = gradients(sum(mul(output, cotangentLeaf)), leaves)
  const firstNames = first.map((_, i) => `g${i}`)
  const firstOutputs = Object.fromEntries(first.map((tensor, i) => [firstNames[i]!, tensor]))
  const trained = await evaluate(
    { y: output, ...firstOutputs },
    { ...feeds, cotangent: cotangent.data },
    { training: true },
  )
  expect(errorOf(trained.y!, expected.data), 'value when training').toBeLessThan(2e-5)

  const h = test.step ?? 0.04
  const numeric = await withProgram({ y: output }, {}, async (run) => {
    expect(errorOf((await run(feeds)).y!, expected.data), 'value').toBeLessThan(2e-5)
    return test.gradient === 'zero'
      ? Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data.map(() => 0)]))
      : differences(async (shifted) => dot((await run(shifted)).y!, cotangent.data), inputs, h)
  })
  Object.keys(inputs).forEach((name, i) => {
    expect(errorOf(trained[firstNames[i]!]!, numeric[name]!), `gradient by ${name}`).toBeLessThan(1e-3)
  })
  if (test.gradient !== 'zero' && leaves.length > 0)
    await checkSecondOrder(first, { leaves: [...leaves, cotangentLeaf], inputs: withCotangent, h })
}

/** The gradient of sum_i <first_i, w_i>, with fixed weights w, against central differences. */
async function checkSecondOrder(
  first: readonly Tensor[],
  { leaves, inputs, h }: { leaves: readonly Tensor[]; inputs: Record<string, Nd>; h: number },
): Promise<void> {
  const weights = first.map((tensor, i) => values(tensor.shape, 20 + i))
  const weightLeaves = first.map((tensor, i) => input(`w${i}`, tensor.shape))
  const weightFeeds = Object.fromEntries(weights.map(({ data }, i) => [`w${i}`, data]))
  const second = gradients(addAll(first.map((tensor, i) => sum(mul(tensor, weightLeaves[i]!)))), leaves)
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]))
  const training = { training: true }
  const secondOutputs = Object.fromEntries(second.map((tensor, i) => [`h${i}`, tensor]))
  const actual = await evaluate(secondOutputs, { ...feeds, ...weightFeeds }, training)
  const firstOutputs = Object.fromEntries(first.map((tensor, i) => [`g${i}`, tensor]))
  const numeric = await withProgram(firstOutputs, training, (run) =>
    differences(
      async (shifted) => {
        const results = await run(shifted)
        return weights.reduce((total, { data }, i) => total + dot(results[`g${i}`]!, data), 0)
      },
      inputs,
      h,
    ),
  )
  Object.keys(inputs).forEach((name, i) => {
    expect(errorOf(actual[`h${i}`]!, numeric[name]!), `second gradient by ${name}`).toBeLessThan(3e-3)
  })
}
