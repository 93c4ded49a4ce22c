import { defineOp, fail, MICROSOFT, type Emitter } from '../op.js'
import { sameShape, type Shape, type Tensor } from '../tensor.js'
import { scalar } from './leaves.js'
import { sumTo } from './reduce.js'
import { greater, where } from './select.js'

const isFloat = (tensor: Tensor) => tensor.dtype === 'float32' || tensor.dtype === 'float16'

/** A tensor, or a number that stands for a scalar. */
export type Operand = Tensor | number

/** A scalar for a number; tensors pass. */
export const toTensor = (operand: Operand): Tensor => (typeof operand === 'number' ? scalar(operand) : operand)

/** The common shape of two operands by NumPy's rule, or undefined. */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length)
  const result: number[] = []
  for (let axis = 0; axis < rank; axis++) {
    const m = a[axis - rank + a.length] ?? 1
    const n = b[axis - rank + b.length] ?? 1
    if (m !== n && m !== 1 && n !== 1) return undefined
    result.push(m === 1 ? n : m)
  }
  return result
}

type Unary = (x: Tensor) => Tensor

function unary(
  name: string,
  kind: 'full' | 'plain',
  onnx: string | ((emitter: Emitter, x: string) => string),
  derivative: ((x: Tensor, y: Tensor) => Tensor) | null,
): Unary {
  const apply = defineOp<object>({
    name,
    cost: { kind },
    infer: (inputs) => {
      const x = inputs[0]!
      if (!isFloat(x)) fail(name, inputs, 'takes floats')
      return { shape: x.shape, dtype: x.dtype }
    },
    vjp: ({ output, grad, inputs }) => [derivative && (() => mul(grad, derivative(inputs[0]!, output)))],
    lower: (emitter, [x]) => (typeof onnx === 'string' ? emitter.node(onnx, [x!]) : onnx(emitter, x!)),
  })
  return (x) => apply([x], {})
}

/** -x */
export const neg = unary('neg', 'plain', 'Neg', () => scalar(-1))
/** e^x */
export const exp = unary('exp', 'full', 'Exp', (_, y) => y)
/** Natural logarithm. */
export const log = unary('log', 'full', 'Log', (x) => reciprocal(x))
/** Square root. */
export const sqrt = unary('sqrt', 'full', 'Sqrt', (_, y) => mul(reciprocal(y), 0.5))
/** 1/x */
export const reciprocal = unary('reciprocal', 'full', 'Reciprocal', (_, y) => neg(mul(y, y)))
/** Error function. */
export const erf = unary('erf', 'full', 'Erf', (x) => mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))
/** 1/(1+e^-x) */
export const sigmoid = unary('sigmoid', 'plain', 'Sigmoid', (_, y) => mul(y, sub(1, y)))
/** Hyperbolic tangent. */
export const tanh = unary('tanh', 'plain', 'Tanh', (_, y) => sub(1, mul(y, y)))
/** Sine of radians. */
export const sin = unary('sin', 'full', 'Sin', (x) => cos(x))
/** Cosine of radians. */
export const cos = unary('cos', 'full', 'Cos', (x) => neg(sin(x)))
/** -1, 0 or 1; its gradient is zero. */
export const sign = unary('sign', 'plain', 'Sign', null)
/** The largest whole number that is not above x; its gradient is zero. */
export const floor = unary('floor', 'plain', 'Floor', null)
/** |x|; the gradient at 0 is 0. */
export const abs = unary('abs', 'plain', 'Abs', (x) => sign(x))

/** x sigmoid(x), one fused pass. */
export const silu = unary(
  'silu',
  'plain',
  (emitter, x) => emitter.node('QuickGelu', [x], { alpha: { float: 1 } }, MICROSOFT),
  // s (1 + x (1 - s)), by the result y = x s.
  (x, y) => add(y, mul(sigmoid(x), sub(1, y))),
)

/** x Phi(x), the exact (erf) form, one fused pass. */
export const gelu = unary(
  'gelu',
  'plain',
  (emitter, x) => emitter.node('Gelu', [x], {}, MICROSOFT),
  (x) => {
    const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return add(mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5), mul(x, density))
  },
)

type Binary = (a: Operand, b: Operand) => Tensor

function binary(
  name: string,
  onnx: string,
  derivatives: [
    (a: Tensor, b: Tensor, grad: Tensor, y: Tensor) => Tensor,
    (a: Tensor, b: Tensor, grad: Tensor, y: Tensor) => Tensor,
  ],
): Binary {
  const apply = defineOp<object>({
    name,
    cost: { kind: 'plain' },
    infer: (inputs) => {
      const [a, b] = inputs as [Tensor, Tensor]
      if (a.dtype !== b.dtype || !isFloat(a)) fail(name, inputs, 'takes two floats of one type')
      const shape = broadcastShape(a.shape, b.shape)
      if (shape === undefined) fail(name, inputs, 'the shapes do not broadcast')
      return { shape, dtype: a.dtype }
    },
    vjp: ({ output, grad, inputs }) => {
      const [a, b] = inputs as [Tensor, Tensor]
      return [
        () => sumTo(derivatives[0](a, b, grad, output), a.shape),
        () => sumTo(derivatives[1](a, b, grad, output), b.shape),
      ]
    },
    lower: (emitter, inputs) => emitter.node(onnx, inputs),
  })
  return (a, b) => apply([toTensor(a), toTensor(b)], {})
}

/** a + b, broadcast. */
export const add = binary('add', 'Add', [(_a, _b, g) => g, (_a, _b, g) => g])
/** a - b, broadcast. */
export const sub = binary('sub', 'Sub', [(_a, _b, g) => g, (_a, _b, g) => neg(g)])
/** a b, broadcast. */
export const mul = binary('mul', 'Mul', [(_a, b, g) => mul(g, b), (a, _b, g) => mul(g, a)])
/** a / b, broadcast. */
export const div = binary('div', 'Div', [(_a, b, g) => div(g, b), (_a, b, g, y) => neg(div(mul(g, y), b))])

const masked = (condition: Tensor, g: Tensor) => where(condition, g, 0)

/** The larger of two; at a tie the gradient goes to `b`. */
export const maximum = binary('maximum', 'Max', [
  (a, b, g) => masked(greater(a, b), g),
  (a, b, g) => where(greater(a, b), 0, g),
])
/** The smaller of two; at a tie the gradient goes to `b`. */
export const minimum = binary('minimum', 'Min', [
  (a, b, g) => masked(greater(b, a), g),
  (a, b, g) => where(greater(b, a), 0, g),
])

const applyPow = defineOp<{ exponent: number }>({
  name: 'pow',
  cost: { kind: 'full' },
  infer: (inputs) => {
    const x = inputs[0]!
    if (!isFloat(x)) fail('pow', inputs, 'takes floats')
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: ({ grad, inputs, attributes: { exponent } }) => [() => mul(grad, mul(pow(inputs[0]!, exponent - 1), exponent))],
  lower: (emitter, [x], { output, attributes }) =>
    emitter.node('Pow', [x!, emitter.scalar(attributes.exponent, output.dtype)]),
})

/** x raised to a constant. */
export function pow(x: Tensor, exponent: number): Tensor {
  return applyPow([x], { exponent })
}

/** x^2 */
export const square = (x: Tensor): Tensor => mul(x, x)

/** Sum of tensors of one shape, pairwise from the left. */
export function addAll(terms: readonly Tensor[]): Tensor {
  const [first, ...rest] = terms
  if (first === undefined) throw new RangeError('addAll: nothing to add')
  return rest.reduce((total, term) => {
    if (!sameShape(total.shape, term.shape)) fail('addAll', [total, term], 'the shapes differ')
    return add(total, term)
  }, first)
}
