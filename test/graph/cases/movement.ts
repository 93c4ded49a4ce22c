import * as ops from '../../../src/graph/ops/index.js'
import { type OpCase } from '../support/case.js'
import { at, broadcastAt, indices, separated, tabulate, total, values, type Nd } from '../support/nd.js'

const x = values([2, 3, 4], 1)

function transposeCase(order: readonly number[]): OpCase {
  return {
    op: 'transpose',
    title: `[${order.join(',')}]`,
    inputs: [x],
    build: (a) => ops.transpose(a, order),
    expected: (a) =>
      tabulate(
        order.map((axis) => a.shape[axis]!),
        (index) =>
          at(
            a,
            order.map((_, axis) => index[order.indexOf(axis)]!),
          ),
      ),
  }
}

function broadcastCase(from: readonly number[], to: readonly number[]): OpCase {
  return {
    op: 'broadcastTo',
    title: `[${from.join(',')}] to [${to.join(',')}]`,
    inputs: [values(from, 2)],
    build: (a) => ops.broadcastTo(a, to),
    expected: (a) => tabulate(to, (index) => broadcastAt(a, index)),
  }
}

/** The index moved along one axis. */
const moved = (index: readonly number[], axis: number, by: number) => index.map((i, a) => (a === axis ? i + by : i))
const resized = ({ shape }: Nd, axis: number, size: number) => shape.map((n, a) => (a === axis ? size : n))

/** Reduction of `a` over `axes`, which stay as size 1. */
function reduced(a: Nd, axes: readonly number[], combine: (entries: number[]) => number): Nd {
  const shape = a.shape.map((n, axis) => (axes.includes(axis) ? 1 : n))
  return tabulate(shape, (index) =>
    combine(
      indices(a.shape)
        .filter((other) => other.every((i, axis) => axes.includes(axis) || i === index[axis]))
        .map((other) => at(a, other)),
    ),
  )
}

type Reduction = typeof ops.sum

function reductionCases(op: string, build: Reduction, combine: (entries: number[]) => number): OpCase[] {
  const inputs = [separated([2, 3, 4], 5, 0.4)]
  const dropped = (a: Nd, shape: readonly number[]): Nd => ({ shape, data: a.data })
  return [
    {
      op,
      title: 'over everything',
      inputs,
      build: (a) => build(a),
      expected: (a) => dropped(reduced(a, [0, 1, 2], combine), []),
    },
    {
      op,
      title: 'over the last axis',
      inputs,
      build: (a) => build(a, { axes: [-1] }),
      expected: (a) => dropped(reduced(a, [2], combine), [2, 3]),
    },
    {
      op,
      title: 'over two axes that stay',
      inputs,
      build: (a) => build(a, { axes: [2, 0], keepAxes: true }),
      expected: (a) => reduced(a, [0, 2], combine),
    },
  ]
}

/** Sums of whole rows, which are a product with ones, and one that is not. */
const sumsOfRows = (
  [
    [[3, 16], [0], [16]],
    [[3, 2, 16], [0], [2, 16]],
    [[3, 2, 16], [0, 1], [16]],
    [[16, 2, 16], [0, 1], [16]],
    [[16, 2, 16], [1, 2], [16]],
    [[16, 2, 16], [0, 2], [2]],
  ] as const
).map(([shape, axes, kept]): OpCase => ({
  op: 'sum',
  title: `of [${shape.join(',')}] over axes ${axes.join(',')}`,
  inputs: [separated(shape, 5, 0.4)],
  build: (a) => ops.sum(a, { axes }),
  expected: (a) => ({ shape: kept, data: reduced(a, axes, sumOf).data }),
}))

const sumOf = (entries: number[]) => entries.reduce((a, b) => a + b, 0)

/** Ops that move, repeat, leave out or add up values. */
export const movementCases: readonly OpCase[] = [
  {
    op: 'reshape',
    title: 'with a size left open',
    inputs: [x],
    build: (a) => ops.reshape(a, [4, -1]),
    expected: ({ data }) => ({ shape: [4, 6], data }),
  },
  {
    op: 'reshape',
    title: 'of a transposed axis of size 1',
    inputs: [values([2, 1, 3], 4)],
    build: (a) => ops.transpose(a, [1, 0, 2]),
    expected: ({ data }) => ({ shape: [1, 2, 3], data }),
  },
  transposeCase([1, 0, 2]),
  transposeCase([2, 0, 1]),
  broadcastCase([], [2, 2]),
  broadcastCase([3, 1], [2, 3, 2]),
  {
    op: 'slice',
    title: 'in the middle',
    inputs: [x],
    build: (a) => ops.slice(a, 1, 1, 3),
    expected: (a) => tabulate(resized(a, 1, 2), (index) => at(a, moved(index, 1, 1))),
  },
  {
    op: 'slice',
    title: 'of the last axis',
    inputs: [x],
    build: (a) => ops.slice(a, -1, 0, 3),
    expected: (a) => tabulate(resized(a, 2, 3), (index) => at(a, index)),
  },
  {
    op: 'pad',
    title: 'on both sides',
    inputs: [x],
    build: (a) => ops.pad(a, 1, 2, 1),
    expected: (a) => tabulate(resized(a, 1, 6), (index) => at(a, moved(index, 1, -2))),
  },
  {
    op: 'pad',
    title: 'after the last axis',
    inputs: [x],
    build: (a) => ops.pad(a, -1, 0, 1),
    expected: (a) => tabulate(resized(a, 2, 5), (index) => at(a, index)),
  },
  {
    op: 'concat',
    title: 'of three, one used twice',
    inputs: [x, values([2, 1, 4], 6)],
    build: (a, b) => ops.concat([a, b, a], 1),
    expected: (a, b) =>
      tabulate([2, 7, 4], (index) =>
        [at(a, index), at(b, moved(index, 1, -3)), at(a, moved(index, 1, -4))].reduce((p, q) => p + q),
      ),
  },
  {
    op: 'concat',
    title: 'along the last axis',
    inputs: [values([2, 2], 7), values([2, 3], 8)],
    build: (a, b) => ops.concat([a, b], -1),
    expected: (a, b) => tabulate([2, 5], (index) => at(a, index) + at(b, moved(index, 1, -2))),
  },
  {
    op: 'upsampleNearest',
    title: 'by 2',
    inputs: [values([2, 2, 2, 3], 9)],
    build: (a) => ops.upsampleNearest(a, 2),
    expected: (a) => tabulate([2, 2, 4, 6], ([n, c, i, j]) => at(a, [n!, c!, i! >> 1, j! >> 1])),
  },
  {
    op: 'upsampleNearest',
    title: 'by 3',
    inputs: [values([1, 1, 2, 2], 9)],
    build: (a) => ops.upsampleNearest(a, 3),
    expected: (a) => tabulate([1, 1, 6, 6], ([n, c, i, j]) => at(a, [n!, c!, Math.floor(i! / 3), Math.floor(j! / 3)])),
  },
  ...reductionCases('sum', ops.sum, sumOf),
  ...sumsOfRows,
  ...reductionCases('mean', ops.mean, (entries) => sumOf(entries) / entries.length),
  ...reductionCases('max', ops.max, (entries) => Math.max(...entries)),
  {
    op: 'sum',
    title: 'back to a broadcast operand (sumTo)',
    inputs: [x],
    build: (a) => ops.sumTo(a, [3, 1]),
    expected: (a) => tabulate([3, 1], ([j]) => total(2, (i) => total(4, (k) => at(a, [i, j!, k])))),
  },
]
