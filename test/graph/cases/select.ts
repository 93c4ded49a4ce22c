import { gradients } from '../../../src/graph/gradients.js'
import * as ops from '../../../src/graph/ops/index.js'
import { type OpCase } from '../support/case.js'
import { at, broadcastAt, separated, tabulate, total, values } from '../support/nd.js'

const shape = [2, 3]
const a = separated(shape, 1)
const b = separated([3], 2, 0.5, 0.25)
const picks = [2, 0, 2, 1]
const pickTensor = () => ops.constant(BigInt64Array.from(picks, BigInt), [picks.length])

/** Ops that compare, choose, convert, hold values, or steer gradients. */
export const selectCases: readonly OpCase[] = [
  {
    op: 'greater',
    title: 'with a row',
    inputs: [a, b],
    build: (a, b) => ops.cast(ops.greater(a, b), 'float32'),
    expected: (a, b) => tabulate(shape, (index) => Number(at(a, index) > broadcastAt(b, index))),
    gradient: 'zero',
  },
  {
    op: 'equal',
    title: 'with a number',
    inputs: [a],
    build: (x) => ops.cast(ops.equal(x, a.data[1]!), 'float32'),
    expected: () => tabulate(shape, ([i, j]) => Number(i === 0 && j === 1)),
    gradient: 'zero',
  },
  {
    op: 'where',
    title: 'of a tensor and a row',
    inputs: [a, b],
    build: (a, b) => ops.where(ops.greater(a, 0), ops.mul(a, a), b),
    expected: (a, b) => tabulate(shape, (index) => (at(a, index) > 0 ? at(a, index) ** 2 : broadcastAt(b, index))),
  },
  {
    op: 'cast',
    // The steps of the differences stay exact in half precision.
    title: 'to float16 and back',
    inputs: [separated(shape, 3, 0.25)],
    build: (x) => ops.cast(ops.cast(x, 'float16'), 'float32'),
    expected: (x) => x,
    step: 0.125,
  },
  {
    op: 'cast',
    title: 'to int64 and back, which passes no gradient',
    inputs: [separated(shape, 3, 3)],
    build: (x) => ops.cast(ops.cast(x, 'int64'), 'float32'),
    expected: (x) => ({ shape, data: x.data.map(Math.trunc) }),
    gradient: 'zero',
  },
  {
    op: 'gather',
    title: 'with repeats, along the last axis',
    inputs: [values(shape, 4)],
    build: (x) => ops.gather(x, pickTensor(), 1),
    expected: (x) => tabulate([2, 4], ([i, j]) => at(x, [i!, picks[j!]!])),
  },
  {
    op: 'gather',
    title: 'of rows',
    inputs: [values([3, 2], 5)],
    build: (x) => ops.gather(x, pickTensor(), 0),
    expected: (x) => tabulate([4, 2], ([i, j]) => at(x, [picks[i!]!, j!])),
  },
  {
    op: 'scatterAdd',
    title: 'with repeats, along an inner axis',
    inputs: [values([2, 4, 2], 6)],
    build: (x) => ops.scatterAdd(x, pickTensor(), 1, 4),
    expected: (x) =>
      tabulate([2, 4, 2], ([i, j, k]) => total(4, (from) => (picks[from] === j ? at(x, [i!, from, k!]) : 0))),
  },
  {
    op: 'constant',
    title: 'of floats',
    inputs: [],
    build: () => ops.constant([1, -2.5, 3], [3]),
    expected: () => ({ shape: [3], data: Float32Array.of(1, -2.5, 3) }),
  },
  {
    op: 'constant',
    title: 'of more values than are compared',
    inputs: [],
    build: () => ops.constant(values([100], 7).data, [100]),
    expected: () => values([100], 7),
  },
  {
    op: 'stopGradient',
    title: 'passes the value alone',
    inputs: [a],
    build: (x) => ops.stopGradient(ops.mul(x, x)),
    expected: (x) => ({ shape, data: x.data.map((v) => v * v) }),
    gradient: 'zero',
  },
  {
    op: 'rematerialise',
    title: 'of two inputs',
    inputs: [values(shape, 8), values([3], 9)],
    build: (x, y) => ops.rematerialise((p, q) => ops.mul(ops.exp(p), ops.mul(q, q)), x, y),
    expected: (x, y) => tabulate(shape, (index) => Math.exp(at(x, index)) * broadcastAt(y, index) ** 2),
  },
  {
    op: 'copyAfter',
    title: 'in the gradient of a rematerialised block',
    inputs: [values(shape, 10)],
    build: (x) => gradients(ops.sum(ops.rematerialise((p) => ops.mul(p, ops.mul(p, p)), x)), [x])[0]!,
    expected: (x) => ({ shape, data: x.data.map((v) => 3 * v * v) }),
  },
]
