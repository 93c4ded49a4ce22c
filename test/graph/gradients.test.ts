import { describe, expect, it } from 'vitest'
import { gradients, topologicalOrder, zeros } from '../../src/graph/gradients.js'
import { ShapeError } from '../../src/graph/op.js'
import * as ops from '../../src/graph/ops/index.js'
import { relativeError } from '../support/fixture.js'
import { evaluate } from './support/check.js'
import { values } from './support/nd.js'

const x = ops.input('x', [2, 3])
const feeds = { x: values([2, 3], 1).data }

describe('gradients', () => {
  it('wants one number', () => {
    expect(() => gradients(x, [x])).toThrow(ShapeError)
    expect(() => gradients(x, [x])).toThrow(
      'gradients(float32[2,3]): the loss is one number; reduce it with sum or mean',
    )
  })

  it('takes a loss of any shape with one element', async () => {
    const [dx] = gradients(ops.sum(x, { keepAxes: true }), [x])
    expect([...(await evaluate({ dx: dx! }, feeds)).dx!]).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('are zeros where the loss does not depend on a tensor', async () => {
    const unused = ops.parameter('unused', [3])
    const [du, dx] = gradients(ops.sum(ops.stopGradient(ops.add(x, unused))), [unused, x])
    const results = await evaluate({ du: du!, dx: dx! }, feeds)
    expect([...results.du!]).toEqual([0, 0, 0])
    expect([...results.dx!]).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('of an inner tensor and of what it is computed from are both whole', async () => {
    const h = ops.mul(x, 3)
    const [dh, dx] = gradients(ops.sum(ops.mul(h, 2)), [h, x])
    const results = await evaluate({ dh: dh!, dx: dx! }, feeds)
    expect([...results.dh!]).toEqual(Array(6).fill(2))
    expect([...results.dx!]).toEqual(Array(6).fill(6))
  })

  it('add up over every use of a tensor', async () => {
    const [dx] = gradients(ops.sum(ops.add(ops.mul(x, x), x)), [x])
    const actual = (await evaluate({ dx: dx! }, feeds)).dx!
    expect(
      relativeError(
        actual,
        feeds.x.map((v) => 2 * v + 1),
      ),
    ).toBeLessThan(1e-6)
  })

  it('of a stopped branch are those of the other branch', async () => {
    const [dx] = gradients(ops.sum(ops.mul(x, ops.stopGradient(x))), [x])
    expect((await evaluate({ dx: dx! }, feeds)).dx).toEqual(feeds.x)
  })

  it('of third order', async () => {
    const once = gradients(ops.sum(ops.pow(x, 4)), [x])[0]!
    const twice = gradients(ops.sum(once), [x])[0]!
    const thrice = gradients(ops.sum(twice), [x])[0]!
    const { d } = await evaluate({ d: thrice }, feeds)
    feeds.x.forEach((v, i) => expect(d![i]).toBeCloseTo(24 * v, 4))
  })
})

describe('topologicalOrder', () => {
  it('puts inputs before what uses them, each once, for graphs deeper than the call stack', () => {
    let deep = x
    for (let i = 0; i < 50_000; i++) deep = ops.add(deep, deep)
    const order = topologicalOrder([deep, x])
    expect(order).toHaveLength(50_001)
    expect(order[0]).toBe(x)
    expect(order.at(-1)).toBe(deep)
  })

  it('leaves out what was seen before', () => {
    const seen = new Set(topologicalOrder([ops.neg(x)]))
    const y = ops.exp(x)
    expect(topologicalOrder([y], seen)).toEqual([y])
    expect(topologicalOrder([y], seen)).toEqual([])
  })
})

it('zeros have any shape', async () => {
  const { z, one } = await evaluate({ z: zeros([2, 2]), one: zeros([]) })
  expect([...z!, ...one!]).toEqual([0, 0, 0, 0, 0])
})
