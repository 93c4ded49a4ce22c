import { add, div, exp, maximum, max, minimum, mul, reshape, sqrt, square, sub } from '../graph/ops/index.js'
import { type Shape, type Tensor } from '../graph/tensor.js'

/** One optimiser step of one tensor: the new parameter and the new state. */
export interface Update {
  readonly parameter: Tensor
  readonly slots: Readonly<Record<string, Tensor>>
}

/** What changes from step to step without being state of a tensor; scalars of shape []. */
export interface StepScalars {
  readonly learningRate: Tensor
  /** Steps taken, this one included, as float32: 1, 2, ... */
  readonly step: Tensor
}

/** A first-order optimiser as tensor functions, so that it runs inside a graph. */
export interface Optimizer {
  /** Shapes of the state of a parameter; all state starts at zero. */
  slots(shape: Shape): Readonly<Record<string, Shape>>
  /** True when no element's update looks at another element: all parameters may then be updated as one vector. */
  readonly elementwise: boolean
  /**
   * The step is taken in place: the new value of a tensor is written over the old one by the last operation that makes it.
   * That one must go element by element, and nothing but what leads to it may read the old value.
   */
  update(parameter: Tensor, gradient: Tensor, slots: Readonly<Record<string, Tensor>>, scalars: StepScalars): Update
}

/** Settings of AdamW, PyTorch's names and defaults. */
export interface AdamWOptions {
  readonly betas: readonly [number, number]
  readonly eps: number
  readonly weightDecay: number
}

/** AdamW as torch.optim.AdamW computes it: decay first, then the bias-corrected moments. */
export function adamW({ betas: [beta1, beta2], eps, weightDecay }: AdamWOptions): Optimizer {
  return {
    elementwise: true,
    slots: (shape) => ({ m: shape, v: shape }),
    update: (parameter, gradient, slots, { learningRate, step }) => {
      const m = add(mul(slots.m!, beta1), mul(gradient, 1 - beta1))
      const v = add(mul(slots.v!, beta2), mul(square(gradient), 1 - beta2))
      const correction1 = sub(1, power(beta1, step))
      const correction2 = sub(1, power(beta2, step))
      // (m / correction1) / (sqrt(v / correction2) + eps), with the scalar factors moved out of the passes over v.
      const root2 = sqrt(correction2)
      const stepSize = div(mul(learningRate, root2), correction1)
      const change = div(mul(m, stepSize), add(sqrt(v), mul(root2, eps)))
      const decayed = weightDecay === 0 ? parameter : mul(parameter, sub(1, mul(learningRate, weightDecay)))
      return { parameter: sub(decayed, change), slots: { m, v } }
    },
  }
}

/** base^exponent by the graph's exponent: exp(exponent ln base). */
function power(base: number, exponent: Tensor): Tensor {
  return exp(mul(exponent, Math.log(base)))
}

/** Settings of SM3. */
export interface SM3Options {
  readonly momentum: number
  /** 0 is the published SM3-II (sums of squares); above 0, PyTorch-SM3's exponential average. SF-V: 0.5 and 0.999. */
  readonly beta: number
  readonly eps: number
}

/**
 * SM3-II (Anil et al. 2019, algorithm SM3-II): per axis one accumulator, the state of a matrix being its rows and
 * columns; nu = min over axes of the accumulators + g^2; momentum acts on the preconditioned gradient. With `beta`, as in
 * the PyTorch-SM3 package, accumulators average and never decrease.
 */
export function sm3({ momentum, beta, eps }: SM3Options): Optimizer {
  return {
    elementwise: false,
    slots: (shape) => ({
      ...Object.fromEntries((shape.length === 0 ? [1] : shape).map((n, axis) => [`acc${axis}`, [n]])),
      mom: shape,
    }),
    update: (parameter, gradient, slots, { learningRate }) => {
      const shape = parameter.shape.length === 0 ? [1] : parameter.shape
      const along = (axis: number) => shape.map((n, i) => (i === axis ? n : 1))
      const accumulators = shape.map((_, axis) => reshape(slots[`acc${axis}`]!, along(axis)))
      const least = accumulators.reduce((a, b) => minimum(a, b))
      const squared = reshape(square(gradient), shape)
      const nu = beta > 0 ? add(mul(least, beta), mul(squared, 1 - beta)) : add(least, squared)
      const direction = div(gradient, sqrt(add(reshape(nu, gradient.shape), eps)))
      const mom = add(mul(slots.mom!, momentum), mul(direction, 1 - momentum))
      const accumulated = shape.map((n, axis) => {
        const others = shape.flatMap((_, i) => (i === axis ? [] : [i]))
        const largest = reshape(max(nu, { axes: others, keepAxes: true }), [n])
        return [`acc${axis}`, beta > 0 ? maximum(slots[`acc${axis}`]!, largest) : largest] as const
      })
      return {
        parameter: sub(parameter, mul(mom, learningRate)),
        slots: { ...Object.fromEntries(accumulated), mom },
      }
    },
  }
}

/** Exponential moving average, no warm-up: decay e + (1 - decay) p. SF-V: 0.95. */
export function ema(average: Tensor, parameter: Tensor, decay: number): Tensor {
  return add(mul(average, decay), mul(parameter, 1 - decay))
}

/**
 * Euclidean norm, summed in double precision: a long sum in single precision is off by parts in a thousand. Four sums
 * side by side, as each addition waits for the one before.
 */
export function euclideanNorm(vector: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  const end = vector.length - (vector.length % 4)
  for (let i = 0; i < end; i += 4) {
    a += vector[i]! * vector[i]!
    b += vector[i + 1]! * vector[i + 1]!
    c += vector[i + 2]! * vector[i + 2]!
    d += vector[i + 3]! * vector[i + 3]!
  }
  for (let i = end; i < vector.length; i++) a += vector[i]! * vector[i]!
  return Math.sqrt(a + b + c + d)
}

/** Factor that brings a gradient of the given norm down to `maxNorm`, at most 1, as torch's clip_grad_norm_ has it. */
export function clipFactor(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6))
}
