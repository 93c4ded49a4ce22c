import * as ops from '../../../src/graph/ops/index.js'
import { type Shape } from '../../../src/graph/tensor.js'
import { type OpCase } from '../support/case.js'
import { at, indices, tabulate, total, values, type Nd } from '../support/nd.js'

interface Geometry {
  readonly title: string
  /** Spatial sizes. */
  readonly size: Shape
  readonly kernel: Shape
  readonly stride: number
  /** Paddings before every axis, then after. */
  readonly pads: readonly number[]
}

const geometries: readonly Geometry[] = [
  { title: '1-d', size: [5], kernel: [3], stride: 1, pads: [1, 1] },
  { title: '1-d, stride 2, one-sided padding', size: [5], kernel: [2], stride: 2, pads: [0, 1] },
  { title: '2-d, 1x1', size: [2, 3], kernel: [1, 1], stride: 1, pads: [0, 0, 0, 0] },
  { title: '2-d, 3x3', size: [3, 4], kernel: [3, 3], stride: 1, pads: [1, 1, 1, 1] },
  { title: '2-d, stride 2', size: [4, 5], kernel: [3, 3], stride: 2, pads: [1, 1, 1, 1] },
  { title: '2-d, stride 2, padded after', size: [4, 4], kernel: [3, 3], stride: 2, pads: [0, 0, 1, 1] },
  { title: '2-d, stride 2, a row and a column unread', size: [4, 4], kernel: [2, 1], stride: 3, pads: [0, 0, 0, 0] },
  { title: '2-d, four different paddings', size: [3, 3], kernel: [2, 3], stride: 1, pads: [1, 0, 2, 1] },
  { title: '2-d, kernel over time alone', size: [3, 2], kernel: [3, 1], stride: 1, pads: [1, 0, 1, 0] },
  { title: '3-d', size: [2, 3, 2], kernel: [2, 2, 1], stride: 1, pads: [1, 0, 0, 0, 1, 0] },
  { title: '3-d, stride 2', size: [3, 3, 2], kernel: [2, 2, 2], stride: 2, pads: [1, 0, 0, 0, 0, 1] },
]

const [BATCH, IN, OUT] = [2, 2, 3]

function outputSize({ size, kernel, stride, pads }: Geometry): Shape {
  const axes = size.length
  return size.map((n, i) => Math.floor((n + pads[i]! + pads[i + axes]! - kernel[i]!) / stride) + 1)
}

interface Contact {
  readonly out: number[]
  readonly tap: number[]
  readonly from: number[]
}

/** Every (output pixel, tap, input pixel) that meet in a convolution. */
function contacts(geometry: Geometry): Contact[] {
  const { size, kernel, stride, pads } = geometry
  return indices(outputSize(geometry)).flatMap((out) =>
    indices(kernel)
      .map((tap) => ({ out, tap, from: tap.map((t, i) => out[i]! * stride + t - pads[i]!) }))
      .filter(({ from }) => from.every((i, axis) => i >= 0 && i < size[axis]!)),
  )
}

/**
 * Of the three arrays that a convolution ties together, one from the other two: entry (a, b, ...pixel) is the sum over
 * the contacts whose `side` is that pixel, and over the `inner` index, of `term`.
 */
function contract(
  geometry: Geometry,
  shape: Shape,
  side: keyof Contact,
  inner: number,
  term: (a: number, b: number, inner: number, contact: Contact) => number,
): Nd {
  const all = contacts(geometry)
  return tabulate(shape, ([a, b, ...pixel]) =>
    all
      .filter((contact) => contact[side].join() === pixel.join())
      .reduce((sum, contact) => sum + total(inner, (i) => term(a!, b!, i, contact)), 0),
  )
}

function casesOf(geometry: Geometry): OpCase[] {
  const { title, size, kernel, stride, pads } = geometry
  const axes = size.length
  const xShape = [BATCH, IN, ...size]
  const wShape = [OUT, IN, ...kernel]
  const yShape = [BATCH, OUT, ...outputSize(geometry)]
  const [x, w, bias, g] = [values(xShape, 1), values(wShape, 2), values([OUT], 3), values(yShape, 4)]
  const sides = { strides: Array<number>(axes).fill(stride), pads }
  const convolved = (x: Nd, w: Nd, bias?: Nd) =>
    contract(
      geometry,
      yShape,
      'out',
      IN,
      (n, o, c, { tap, from }) => at(x, [n, c, ...from]) * at(w, [o, c, ...tap]),
    ).data.map((v, i) => v + (bias ? bias.data[Math.floor(i / (g.data.length / BATCH / OUT)) % OUT]! : 0))
  return [
    {
      op: 'conv',
      title: `${title}, with bias`,
      inputs: [x, w, bias],
      build: (x, w, bias) => ops.conv(x, w, bias, { stride, padding: pads }),
      expected: (x, w, bias) => ({ shape: yShape, data: convolved(x, w, bias) }),
    },
    {
      op: 'conv',
      title,
      inputs: [x, w],
      build: (x, w) => ops.conv(x, w, undefined, { stride, padding: pads }),
      expected: (x, w) => ({ shape: yShape, data: convolved(x, w) }),
    },
    {
      op: 'convInputGrad',
      title,
      inputs: [g, w],
      build: (g, w) => ops.convInputGrad(g, w, size, sides),
      expected: (g, w) =>
        contract(
          geometry,
          xShape,
          'from',
          OUT,
          (n, c, o, { out, tap }) => at(g, [n, o, ...out]) * at(w, [o, c, ...tap]),
        ),
    },
    {
      op: 'convWeightGrad',
      title,
      inputs: [x, g],
      build: (x, g) => ops.convWeightGrad(x, g, kernel, sides),
      expected: (x, g) =>
        contract(
          geometry,
          wShape,
          'tap',
          BATCH,
          (o, c, n, { out, from }) => at(x, [n, c, ...from]) * at(g, [n, o, ...out]),
        ),
    },
  ]
}

/** Convolutions and both their gradients. */
export const convCases: readonly OpCase[] = geometries.flatMap(casesOf)
