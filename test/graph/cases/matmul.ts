import * as ops from '../../../src/graph/ops/index.js'
import { type OpCase } from '../support/case.js'
import { at, broadcastAt, tabulate, total, values, type Nd } from '../support/nd.js'

/** The last two axes swapped. */
const swapped = (x: Nd): Nd =>
  tabulate([...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!], (index) =>
    at(x, [...index.slice(0, -2), index.at(-1)!, index.at(-2)!]),
  )

function product(a: Nd, b: Nd, batch: readonly number[], alpha: number): Nd {
  const [m, k] = a.shape.slice(-2) as [number, number]
  return tabulate([...batch, m, b.shape.at(-1)!], (index) => {
    const [i, j] = index.slice(-2) as [number, number]
    const outer = index.slice(0, -2)
    return alpha * total(k, (l) => broadcastAt(a, [...outer, i, l]) * broadcastAt(b, [...outer, l, j]))
  })
}

interface Batches {
  readonly a: readonly number[]
  readonly b: readonly number[]
  readonly result: readonly number[]
}

/** op(a) (2, 3) times op(b) (3, 4), batch axes in front. */
function matmulCase(batches: Batches, transA = false, transB = false, alpha = 1): OpCase {
  const a = values([...batches.a, 2, 3], 1)
  const b = values([...batches.b, 3, 4], 2)
  const flags = `${transA ? ', a transposed' : ''}${transB ? ', b transposed' : ''}${alpha === 1 ? '' : `, times ${alpha}`}`
  return {
    op: 'matmul',
    title: `batches [${batches.a.join(',')}] and [${batches.b.join(',')}]${flags}`,
    inputs: [transA ? swapped(a) : a, transB ? swapped(b) : b],
    build: (a, b) => ops.matmul(a, b, { transA, transB, alpha }),
    expected: (a, b) => product(transA ? swapped(a) : a, transB ? swapped(b) : b, batches.result, alpha),
  }
}

const none = { a: [], b: [], result: [] }
const same = { a: [2], b: [2], result: [2] }
const batchSets = [none, same, { a: [2], b: [], result: [2] }, { a: [2, 1], b: [3], result: [2, 3] }]

function linearCase(lead: readonly number[], bias: boolean): OpCase {
  const weight = values([4, 3], 4)
  return {
    op: 'linear',
    title: `of [${[...lead, 3].join(',')}]${bias ? ' with bias' : ''}`,
    inputs: [values([...lead, 3], 3), weight, ...(bias ? [values([4], 5)] : [])],
    build: (x, w, b) => ops.linear(x, w, b),
    expected: (x, w, b) =>
      tabulate([...lead, 4], (index) => {
        const [outer, j] = [index.slice(0, -1), index.at(-1)!]
        return total(3, (l) => at(x, [...outer, l]) * at(w, [j, l])) + (b ? at(b, [j]) : 0)
      }),
  }
}

/** Matrix products. */
export const matmulCases: readonly OpCase[] = [
  ...batchSets.flatMap((batches) => [
    matmulCase(batches),
    matmulCase(batches, true, false),
    matmulCase(batches, false, true, 0.5),
    matmulCase(batches, true, true, -2),
  ]),
  linearCase([], true),
  linearCase([2], true),
  linearCase([2], false),
  linearCase([2, 2], true),
]
