import { add, div, log, mul, neg, pow, reshape, sqrt, square } from '../../graph/ops/index.js'
import { type Tensor } from '../../graph/tensor.js'

/** EDM preconditioning (sigma_data = 1) inside a graph; every factor (b, 1, 1, 1, 1) but `cNoise` (b). */
export interface PreconditioningGraph {
  readonly cSkip: Tensor
  readonly cOut: Tensor
  readonly cIn: Tensor
  readonly cNoise: Tensor
}

/**
 * c_skip = 1/(s^2+1), c_out = -s/sqrt(s^2+1), c_in = 1/sqrt(s^2+1), c_noise = 0.25 ln s (PAPER eq. 3), s of shape (b).
 */
export function preconditioning(sigma: Tensor): PreconditioningGraph {
  const s = reshape(sigma, [-1, 1, 1, 1, 1])
  const total = add(square(s), 1)
  const root = sqrt(total)
  return { cSkip: pow(total, -1), cOut: neg(div(s, root)), cIn: pow(root, -1), cNoise: mul(log(sigma), 0.25) }
}

/** x_t = x_0 + s e (PAPER eq. 2), x (b, f, c, h, w), s (b). */
export function diffuse(x: Tensor, noise: Tensor, sigma: Tensor): Tensor {
  return add(x, mul(noise, reshape(sigma, [-1, 1, 1, 1, 1])))
}
