import { describe, expect, it } from 'vitest'
import { topologicalOrder } from '../../src/graph/gradients.js'
import { inHalf } from '../../src/graph/half.js'
import { lower } from '../../src/graph/lower.js'
import * as ops from '../../src/graph/ops/index.js'
import type { Tensor } from '../../src/graph/tensor.js'
import { relativeError } from '../support/fixture.js'
import { evaluate } from './support/check.js'
import { values } from './support/nd.js'

const x = ops.input('x', [2, 8, 4, 4])
const weight = ops.parameter('weight', [8, 8, 3, 3])
const [scale, shift] = [ops.parameter('scale', [8]), ops.parameter('shift', [8])]
const convolved = ops.conv(x, weight, shift, { padding: 1 })
const y = ops.add(ops.silu(ops.groupNorm(convolved, scale, shift, 2, 1e-5)), convolved)
const feeds = Object.fromEntries(
  [x, weight, scale, shift].map((leaf, i) => [['x', 'weight', 'scale', 'shift'][i]!, values(leaf.shape, i).data]),
)

describe('half precision', () => {
  it('is for products and what they reach; norms are in single precision, as are inputs and outputs', () => {
    const half = inHalf({ y })['y']!
    const types = topologicalOrder([half])
      .filter(({ op }) => !['parameter', 'cast'].includes(op.name))
      .map(({ op, dtype }) => `${op.name} ${dtype}`)
    expect(types).toEqual(['input float32', 'conv float16', 'groupNorm float32', 'silu float32', 'add float16'])
    expect(half.dtype).toBe('float32')
  })

  it('gives the values of single precision to three digits', async () => {
    const [single, half] = [await evaluate({ y }, feeds), await evaluate({ y }, feeds, { half: true })]
    expect(relativeError(half['y']!, single['y']!)).toBeLessThan(2e-3)
  })

  it('takes weights that are stored in it as they lie', () => {
    const bind = (name: string) => ({
      file: 'w',
      offset: 0,
      byteLength: name === 'weight' ? 1152 : 16,
      dtype: 'F16' as const,
    })
    const reshaped = ops.conv(x, ops.reshape(ops.parameter('flat', [8, 8, 9]), [8, 8, 3, 3]), undefined, { padding: 1 })
    // One cast of x, one back, and none of a weight.
    expect(lower({ y: ops.conv(x, weight) }, { bind, half: true }).nodeCount).toBe(3)
    expect(lower({ y: reshaped }, { bind, half: true }).nodeCount).toBe(4)
  })

  it('leaves angles alone: a time of hundreds has no room in it', async () => {
    const time = ops.input('time', [4])
    const angles = { time: Float32Array.of(127, 411.25, 999.5, 3.25) }
    const [single, half] = [
      await evaluate({ s: ops.sin(time) }, angles),
      await evaluate({ s: ops.sin(time) }, angles, { half: true }),
    ]
    expect(half).toEqual(single)
  })
})

it('attention by its parts is what the fused operator gives', async () => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => ops.input(name, [1, 12, 16])) as [Tensor, Tensor, Tensor]
  const fed = Object.fromEntries(['q', 'k', 'v'].map((name, i) => [name, values([1, 12, 16], i).data]))
  const out = { y: ops.attention(q, k, v, 2) }
  const parts = await evaluate(out, fed, { fusedAttention: false })
  expect(relativeError(parts['y']!, (await evaluate(out, fed))['y']!)).toBeLessThan(1e-6)
})
