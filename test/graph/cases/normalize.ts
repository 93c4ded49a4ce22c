import * as ops from '../../../src/graph/ops/index.js'
import { type OpCase } from '../support/case.js'
import { at, indices, tabulate, total, values, type Nd } from '../support/nd.js'

// Large enough to matter beside the variance of the values.
const EPSILON = 0.1

/** Mean and inverse deviation of a list. */
function statistics(entries: readonly number[]): { mean: number; inverse: number } {
  const n = entries.length
  const mean = total(n, (i) => entries[i]!) / n
  return { mean, inverse: 1 / Math.sqrt(total(n, (i) => (entries[i]! - mean) ** 2) / n + EPSILON) }
}

/** Mean and inverse deviation over the last axis, for the row that `index` is in. */
function rowStatistics(x: Nd, index: readonly number[]) {
  const width = x.shape.at(-1)!
  return statistics(Array.from({ length: width }, (_, i) => at(x, [...index.slice(0, -1), i])))
}

function normalized(x: Nd): Nd {
  return tabulate(x.shape, (index) => {
    const { mean, inverse } = rowStatistics(x, index)
    return (at(x, index) - mean) * inverse
  })
}

function groupNormalized(x: Nd, weight: Nd, bias: Nd, groups: number): Nd {
  const perGroup = x.shape[1]! / groups
  const groupOf = (index: readonly number[]) => `${index[0]},${Math.floor(index[1]! / perGroup)}`
  return tabulate(x.shape, (index) => {
    const members = indices(x.shape).filter((other) => groupOf(other) === groupOf(index))
    const { mean, inverse } = statistics(members.map((other) => at(x, other)))
    return (at(x, index) - mean) * inverse * at(weight, [index[1]!]) + at(bias, [index[1]!])
  })
}

function groupNormCase(shape: readonly number[], groups: number): OpCase {
  return {
    op: 'groupNorm',
    title: `${groups} groups of [${shape.join(',')}]`,
    inputs: [values(shape, 1), values([shape[1]!], 2), values([shape[1]!], 3)],
    build: (x, weight, bias) => ops.groupNorm(x, weight, bias, groups, EPSILON),
    expected: (x, weight, bias) => groupNormalized(x, weight, bias, groups),
  }
}

const scaleShiftCase: OpCase = {
  op: 'scaleShift',
  title: 'by channel',
  inputs: [values([2, 3, 2, 2], 1), values([3], 2), values([3], 3)],
  build: ops.scaleShift,
  expected: (x, scale, shift) =>
    tabulate(x.shape, (index) => at(x, index) * at(scale, [index[1]!]) + at(shift, [index[1]!])),
}

function layerNormCase(shape: readonly number[]): OpCase {
  return {
    op: 'layerNorm',
    title: `of [${shape.join(',')}]`,
    inputs: [values(shape, 1), values([shape.at(-1)!], 2), values([shape.at(-1)!], 3)],
    build: (x, weight, bias) => ops.layerNorm(x, weight, bias, EPSILON),
    expected: (x, weight, bias) => {
      const normal = normalized(x)
      return tabulate(shape, (index) => at(normal, index) * at(weight, index.slice(-1)) + at(bias, index.slice(-1)))
    },
  }
}

/** Ops that take mean and variance out. */
export const normalizeCases: readonly OpCase[] = [
  {
    op: 'normalize',
    title: 'of rows',
    inputs: [values([2, 2, 4], 4)],
    build: (x) => ops.normalize(x, EPSILON),
    expected: normalized,
  },
  {
    op: 'inverseDeviation',
    title: 'of rows',
    inputs: [values([2, 4], 5)],
    build: (x) => ops.inverseDeviation(x, EPSILON),
    expected: (x) => tabulate([2, 1], (index) => rowStatistics(x, index).inverse),
  },
  layerNormCase([3, 4]),
  layerNormCase([2, 2, 3]),
  scaleShiftCase,
  groupNormCase([2, 4, 3], 2),
  groupNormCase([2, 4, 2, 2], 4),
  groupNormCase([1, 4, 2, 1, 2], 1),
]
