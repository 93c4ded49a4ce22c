import { describe, expect, it } from 'vitest'
import { gradients } from '../../src/graph/gradients.js'
import { lower } from '../../src/graph/lower.js'
import * as ops from '../../src/graph/ops/index.js'
import { type Tensor } from '../../src/graph/tensor.js'
import { linear } from '../../src/nn/layers.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { relativeError } from '../support/fixture.js'
import { evaluate } from './support/check.js'
import { values } from './support/nd.js'

type Block = (...inputs: Tensor[]) => Tensor
type Apply = (block: Block, ...inputs: Tensor[]) => Tensor

const directly: Apply = (block, ...inputs) => block(...inputs)
const x = ops.input('x', [2, 3])

/** Networks of x in which blocks are wrapped, and their parameters; each has a way in which gradients could be lost. */
const networks: Record<string, (w: ParameterSet, wrap: Apply) => Tensor> = {
  'parameters first used inside': (w, wrap) => wrap((h) => ops.tanh(linear(w.at('a'), h, 3)), x),
  'a parameter used before, inside and after': (w, wrap) => {
    const layer = (h: Tensor) => ops.tanh(linear(w.at('a'), h, 3))
    return layer(wrap((h) => layer(layer(h)), layer(x)))
  },
  'a computed tensor used inside without being given': (w, wrap) => {
    const embedding = ops.silu(linear(w.at('e'), x, 3))
    return wrap((h) => ops.mul(ops.tanh(linear(w.at('a'), h, 3)), embedding), ops.add(x, embedding))
  },
  'the same tensor given and used': (w, wrap) => {
    const h = ops.tanh(linear(w.at('a'), x, 3))
    return wrap((given) => ops.mul(ops.exp(given), h), h)
  },
  'an input given twice': (w, wrap) => {
    const h = linear(w.at('a'), x, 3)
    return wrap((p, q) => ops.mul(ops.exp(p), q), h, h)
  },
  'a block in a block': (w, wrap) =>
    wrap(
      (h) =>
        ops.tanh(
          linear(
            w.at('b'),
            wrap((g) => ops.silu(linear(w.at('a'), g, 3)), h),
            3,
          ),
        ),
      x,
    ),
  'a block that hands its input on': (w, wrap) =>
    ops.exp(wrap((h) => ops.reshape(h, [3, 2]), ops.reshape(linear(w.at('a'), x, 3), [6]))),
}

/** Loss, its gradients by x and every parameter, and gradients of the gradients' squares. */
function outputsOf(build: (w: ParameterSet, wrap: Apply) => Tensor, wrap: Apply) {
  const w = new ParameterSet()
  const loss = ops.sum(ops.square(build(w, wrap)))
  const variables = [x, ...w.parameters.values()]
  const first = gradients(loss, variables)
  const second = gradients(ops.addAll(first.map((g) => ops.sum(ops.square(g)))), variables)
  const named = [...first.map((g, i) => [`g${i}`, g] as const), ...second.map((g, i) => [`h${i}`, g] as const)]
  const parameters = [...w.parameters].map(([name, { shape }], i) => [name, values(shape, i).data] as const)
  return {
    outputs: { loss, ...Object.fromEntries(named) },
    feeds: { x: values([2, 3], 9).data, ...Object.fromEntries(parameters) },
  }
}

describe('rematerialise', () => {
  it.each(Object.entries(networks))('changes no value and no gradient: %s', async (_, build) => {
    const plain = outputsOf(build, directly)
    const wrapped = outputsOf(build, ops.rematerialise)
    const expected = await evaluate(plain.outputs, plain.feeds, { training: true })
    const actual = await evaluate(wrapped.outputs, wrapped.feeds, { training: true })
    expect(Object.keys(actual)).toEqual(Object.keys(expected))
    for (const [name, values] of Object.entries(expected))
      expect(relativeError(actual[name]!, values), name).toBeLessThan(1e-5)
  })

  it('computes the block a second time for the gradient, and only then', () => {
    const build = (wrap: Apply) => {
      const h = wrap((h) => ops.tanh(ops.exp(ops.sin(h))), x)
      const loss = ops.sum(h)
      return { loss, dx: gradients(loss, [x])[0]! }
    }
    const count = (outputs: Record<string, Tensor>) => lower(outputs, { training: true }).nodeCount
    const [plain, wrapped] = [build(directly), build(ops.rematerialise)]
    expect(count({ loss: wrapped.loss })).toBe(count({ loss: plain.loss }))
    // Sin, Exp and Tanh again, and the copy of x.
    expect(count(wrapped)).toBeGreaterThanOrEqual(count(plain) + 4)
  })
})
