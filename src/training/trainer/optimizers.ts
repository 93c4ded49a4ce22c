import { type Shape } from '../../graph/tensor.js'

/** One tensor with its state, all of which a step changes in place. */
export interface Updated {
  readonly shape: Shape
  readonly parameter: Float32Array
  /** Left as it is. */
  readonly gradient: Float32Array
  readonly slots: Readonly<Record<string, Float32Array>>
}

/** What changes from step to step without being state of a tensor. */
export interface StepScalars {
  readonly learningRate: number
  /** Steps taken, this one included: 1, 2, ... */
  readonly step: number
  /** Factor on the gradient. */
  readonly scale: number
}

/** A first-order optimiser on vectors in the machine's memory (docs/decisions/0017). */
export interface Optimizer {
  /** Shapes of the state of a parameter; all state starts at zero. */
  slots(shape: Shape): Readonly<Record<string, Shape>>
  /** True when no element's update looks at another element: all parameters are then updated as one vector. */
  readonly elementwise: boolean
  /** Takes a step. Arithmetic is in double precision; state is rounded to single. */
  update(tensor: Updated, scalars: StepScalars): void
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
    update: ({ parameter, gradient, slots }, { learningRate, step, scale }) => {
      const m = slots['m']!
      const v = slots['v']!
      // (m / correction1) / (sqrt(v / correction2) + eps), with the factors moved out of the loop.
      const root2 = Math.sqrt(1 - beta2 ** step)
      const stepSize = (learningRate * root2) / (1 - beta1 ** step)
      const epsilon = root2 * eps
      const kept = 1 - learningRate * weightDecay
      for (let i = 0; i < parameter.length; i++) {
        const g = gradient[i]! * scale
        const first = m[i]! * beta1 + g * (1 - beta1)
        const second = v[i]! * beta2 + g * g * (1 - beta2)
        m[i] = first
        v[i] = second
        parameter[i] = parameter[i]! * kept - (stepSize * first) / (Math.sqrt(second) + epsilon)
      }
    },
  }
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
  const fresh = beta > 0 ? 1 - beta : 1
  const held = beta > 0 ? beta : 1
  return {
    elementwise: false,
    slots: (shape) => ({
      ...Object.fromEntries(withAxes(shape).map((n, axis) => [`acc${axis}`, [n]])),
      mom: shape,
    }),
    update: ({ shape, parameter, gradient, slots }, { learningRate, scale }) => {
      const sizes = withAxes(shape)
      const mom = slots['mom']!
      const accumulators = sizes.map((_, axis) => slots[`acc${axis}`]!)
      const largest = sizes.map((n) => new Float64Array(n))
      const index = sizes.map(() => 0)
      for (let i = 0; i < parameter.length; i++) {
        let least = Infinity
        for (let axis = 0; axis < sizes.length; axis++) least = Math.min(least, accumulators[axis]![index[axis]!]!)
        const g = gradient[i]! * scale
        const nu = held * least + fresh * g * g
        const direction = g / Math.sqrt(nu + eps)
        const moved = mom[i]! * momentum + direction * (1 - momentum)
        mom[i] = moved
        parameter[i] = parameter[i]! - learningRate * moved
        for (let axis = 0; axis < sizes.length; axis++) {
          const most = largest[axis]!
          const at = index[axis]!
          if (nu > most[at]!) most[at] = nu
        }
        advance(index, sizes)
      }
      for (const [axis, accumulator] of accumulators.entries())
        for (let i = 0; i < accumulator.length; i++)
          accumulator[i] = Math.max(beta > 0 ? accumulator[i]! : 0, largest[axis]![i]!)
    },
  }
}

/** The axes of a tensor; a scalar has one of size 1. */
const withAxes = (shape: Shape): Shape => (shape.length === 0 ? [1] : shape)

/** Goes on to the index of the next element, row-major. */
function advance(index: number[], sizes: Shape): void {
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    index[axis]!++
    if (index[axis]! < sizes[axis]!) return
    index[axis] = 0
  }
}

/** Takes an exponential moving average along, no warm-up: decay e + (1 - decay) p. SF-V: 0.95. */
export function ema(average: Float32Array, parameters: Float32Array, decay: number): void {
  for (let i = 0; i < average.length; i++) average[i] = decay * average[i]! + (1 - decay) * parameters[i]!
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
