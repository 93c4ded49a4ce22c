import * as ops from '../../../src/graph/ops/index.js'
import { type Tensor } from '../../../src/graph/tensor.js'
import { type OpCase } from '../support/case.js'
import { broadcastAt, separated, tabulate, total, values, type Nd } from '../support/nd.js'

const map = (f: (x: number) => number) => (x: Nd) => ({ shape: x.shape, data: x.data.map(f) })

/** 2/sqrt(pi) sum (-1)^n x^(2n+1) / (n! (2n+1)): exact to double precision for |x| below 3. */
function erf(x: number): number {
  let power = x
  return (
    (2 / Math.sqrt(Math.PI)) *
    total(60, (n) => {
      const term = power / (2 * n + 1)
      power *= (-x * x) / (n + 1)
      return term
    })
  )
}

const shape = [2, 3]
const plain = values(shape, 1)
const positive = values(shape, 2, 1, 2)
const kinked = separated(shape, 3)

function unaryCase(op: string, build: (x: Tensor) => Tensor, f: (x: number) => number, x: Nd = plain): OpCase {
  return { op, title: `of [${x.shape.join(',')}]`, inputs: [x], build, expected: map(f) }
}

const unaryCases: OpCase[] = [
  unaryCase('neg', ops.neg, (x) => -x),
  unaryCase('exp', ops.exp, Math.exp),
  unaryCase('log', ops.log, Math.log, positive),
  unaryCase('sqrt', ops.sqrt, Math.sqrt, positive),
  unaryCase('reciprocal', ops.reciprocal, (x) => 1 / x, positive),
  unaryCase('erf', ops.erf, erf),
  unaryCase('sigmoid', ops.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  unaryCase('sigmoid', ops.sigmoid, (x) => 1 / (1 + Math.exp(-x)), values([], 4)),
  unaryCase('tanh', ops.tanh, Math.tanh),
  unaryCase('sin', ops.sin, Math.sin),
  unaryCase('cos', ops.cos, Math.cos),
  unaryCase('abs', ops.abs, Math.abs, kinked),
  unaryCase('silu', ops.silu, (x) => x / (1 + Math.exp(-x)), values([2, 5], 5, -3, 3)),
  unaryCase('gelu', ops.gelu, (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2, values([2, 5], 6, -3, 3)),
  {
    ...unaryCase(
      'floor',
      (x) => ops.floor(ops.mul(x, 3)),
      (x) => Math.floor(3 * x),
      kinked,
    ),
    gradient: 'zero',
  },
  { ...unaryCase('sign', ops.sign, Math.sign, kinked), gradient: 'zero' },
  unaryCase(
    'pow',
    (x) => ops.pow(x, 3),
    (x) => x ** 3,
  ),
  unaryCase(
    'pow',
    (x) => ops.pow(x, -1.5),
    (x) => x ** -1.5,
    positive,
  ),
  unaryCase('mul', ops.square, (x) => x * x),
]

type BinaryOp = (a: ops.Operand, b: ops.Operand) => Tensor

function binaryCases(op: string, build: BinaryOp, f: (a: number, b: number) => number, second = positive): OpCase[] {
  const like = (x: Nd, size: readonly number[]) => tabulate(size, (index) => x.data[index.at(-1) ?? 0]!)
  const pairs: [string, Nd, Nd, readonly number[]][] = [
    ['of one shape', kinked, second, shape],
    ['with a row', kinked, like(second, [3]), shape],
    ['with a column', kinked, like(second, [2, 1]), shape],
    ['of a column and a row', like(kinked, [2, 1]), like(second, [1, 3]), [2, 3]],
    ['of a scalar and more axes', like(kinked, []), like(second, [2, 1, 3]), [2, 1, 3]],
  ]
  const cases = pairs.map(([title, a, b, result]): OpCase => {
    const expected = (a: Nd, b: Nd) => tabulate(result, (index) => f(broadcastAt(a, index), broadcastAt(b, index)))
    return { op, title, inputs: [a, b], build, expected }
  })
  const withNumber: OpCase = {
    op,
    title: 'with a number',
    inputs: [kinked],
    build: (a) => build(a, 1.7),
    expected: map((a) => f(a, 1.7)),
  }
  return [...cases, withNumber]
}

/** Every op of one or two tensors that works element by element. */
export const elementwiseCases: readonly OpCase[] = [
  ...unaryCases,
  ...binaryCases('add', ops.add, (a, b) => a + b),
  ...binaryCases('sub', ops.sub, (a, b) => a - b),
  ...binaryCases('mul', ops.mul, (a, b) => a * b),
  ...binaryCases('div', ops.div, (a, b) => a / b),
  ...binaryCases('maximum', ops.maximum, Math.max, separated(shape, 8, 0.5, 0.25)),
  ...binaryCases('minimum', ops.minimum, Math.min, separated(shape, 8, 0.5, 0.25)),
  {
    op: 'add',
    title: 'of many (addAll)',
    inputs: [plain, positive, kinked],
    build: (...terms) => ops.addAll(terms),
    expected: (a, b, c) => tabulate(shape, (index) => total(3, (i) => broadcastAt([a, b, c][i]!, index))),
  },
]
