import * as ops from '../../../src/graph/ops/index.js'
import { type OpCase } from '../support/case.js'
import { at, tabulate, total, values, type Nd } from '../support/nd.js'

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - largest))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((power) => power / sum)
}

interface Sizes {
  readonly batch: number
  readonly queries: number
  readonly keys: number
  readonly heads: number
  /** Width of a head, of queries and keys and of values. */
  readonly width: number
  readonly valueWidth: number
}

function attended(q: Nd, k: Nd, v: Nd, { batch, queries, keys, heads, width, valueWidth }: Sizes): Nd {
  return tabulate([batch, queries, heads * valueWidth], ([b, s, channel]) => {
    const first = Math.floor(channel! / valueWidth) * width
    const scores = Array.from(
      { length: keys },
      (_, t) => total(width, (d) => at(q, [b!, s!, first + d]) * at(k, [b!, t, first + d])) / Math.sqrt(width),
    )
    const shares = softmax(scores)
    return total(keys, (t) => shares[t]! * at(v, [b!, t, channel!]))
  })
}

function attentionCase(sizes: Sizes): OpCase {
  const { batch, queries, keys, heads, width, valueWidth } = sizes
  return {
    op: 'attention',
    title: Object.entries(sizes)
      .map(([name, size]) => `${name} ${size}`)
      .join(', '),
    inputs: [
      values([batch, queries, heads * width], 1),
      values([batch, keys, heads * width], 2),
      values([batch, keys, heads * valueWidth], 3),
    ],
    build: (q, k, v) => ops.attention(q, k, v, heads),
    expected: (q, k, v) => attended(q, k, v, sizes),
  }
}

/** Softmax and attention. */
export const attentionCases: readonly OpCase[] = [
  {
    op: 'softmax',
    title: 'of rows',
    inputs: [values([2, 2, 3], 4)],
    build: ops.softmax,
    expected: (x) => tabulate(x.shape, ([i, j, k]) => softmax([0, 1, 2].map((l) => at(x, [i!, j!, l])))[k!]!),
  },
  {
    op: 'softmax',
    title: 'of scores too large for exp',
    inputs: [{ shape: [3], data: Float32Array.of(200, 201, 199.5) }],
    build: ops.softmax,
    expected: ({ shape, data }) => ({ shape, data: Float32Array.from(softmax([...data])) }),
  },
  attentionCase({ batch: 2, queries: 3, keys: 3, heads: 1, width: 4, valueWidth: 4 }),
  attentionCase({ batch: 2, queries: 2, keys: 3, heads: 2, width: 2, valueWidth: 2 }),
  attentionCase({ batch: 1, queries: 3, keys: 1, heads: 2, width: 2, valueWidth: 2 }),
  attentionCase({ batch: 1, queries: 2, keys: 3, heads: 2, width: 2, valueWidth: 3 }),
]
