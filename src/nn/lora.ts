import { add, matmul, reshape } from '../graph/ops/index.js'
import type { Shape, Tensor } from '../graph/tensor.js'
import type { ParameterSet, Weights } from './weights.js'

/** Which weights are adapted, and how. */
export interface LoraOptions {
  /** r: rows of A, columns of B. */
  readonly rank: number
  /** The update is alpha/rank B A. */
  readonly alpha: number
  /**
   * Names of modules with a weight of two axes or more: the last parts of their paths, such as `to_q` or `to_out.0`.
   */
  readonly targets: readonly string[]
}

/**
 * Low-rank adaptation (Hu et al. 2021): W + alpha/rank B A in place of W for the targeted linear layers and
 * convolutions, W out of `base`. Their A (rank, in, ...) and B (out, rank, 1, ...) are recorded in `adapters` under the
 * names of PEFT, `<module>.lora_A.weight` and `<module>.lora_B.weight`. The sum is made in the graph: it costs a
 * product of B and A a step, and memory for the layer at hand alone.
 */
export function loraWeights(base: Weights, adapters: ParameterSet, options: LoraOptions): Weights {
  const adapted = new Map<string, Tensor>()
  const get = (inside: Weights, path: string, name: string, shape: Shape): Tensor => {
    const weight = inside.get(name, shape)
    if (name !== 'weight' || shape.length < 2 || !isTarget(path, options.targets)) return weight
    const known = adapted.get(path)
    if (known) return known
    const { rank, alpha } = options
    const a = adapters.get(`${path}.lora_A.weight`, [rank, ...shape.slice(1)])
    const b = adapters.get(`${path}.lora_B.weight`, [shape[0]!, rank, ...shape.slice(2).map(() => 1)])
    const update = matmul(reshape(b, [shape[0]!, rank]), reshape(a, [rank, -1]), { alpha: alpha / rank })
    const sum = add(weight, reshape(update, shape))
    adapted.set(path, sum)
    return sum
  }
  const under = (inside: Weights, path: string): Weights => ({
    at: (name) => under(inside.at(name), path === '' ? `${name}` : `${path}.${name}`),
    get: (name, shape) => get(inside, path, name, shape),
  })
  return under(base, '')
}

/** Whether the path of a module is a target, or ends with one. */
export function isTarget(path: string, targets: readonly string[]): boolean {
  return targets.some((target) => path === target || path.endsWith(`.${target}`))
}
