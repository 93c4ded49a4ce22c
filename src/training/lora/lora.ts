import { type Shape } from '../../graph/tensor.js'
import { isTarget, type LoraOptions } from '../../nn/lora.js'
import { type ParameterSet } from '../../nn/weights.js'
import { Random } from '../../runtime/random.js'
import { Layout } from '../trainer/parameters.js'

/** Targets that no module of the network goes by. */
export function missingTargets(adapters: ParameterSet, targets: readonly string[]): string[] {
  const modules = [...adapters.parameters.keys()].map((name) => name.replace(/\.lora_[AB]\.weight$/, ''))
  return targets.filter((target) => !modules.some((module) => isTarget(module, [target])))
}

/** First values of adapters: A uniform of variance 1/(3 fan in), PyTorch's default for the layer that it is; B zero. */
export function initialAdapters(adapters: ParameterSet, seed: number): Float32Array {
  const layout = new Layout(adapters.shapes)
  const vector = new Float32Array(layout.size)
  for (const { name, shape, offset, size } of layout.spans) {
    if (!name.endsWith('.lora_A.weight')) continue
    const random = new Random(seed, `initial ${adapters.prefix}${name}`)
    const bound = 1 / Math.sqrt(size / shape[0]!)
    for (let i = 0; i < size; i++) vector[offset + i] = (2 * random.uniform() - 1) * bound
  }
  return vector
}

/**
 * Adapters as diffusers loads them (`unet.load_lora_adapter`, `load_attn_procs`): PEFT's names below `unet.`. A file
 * without alphas means alpha = rank, so alpha/rank is multiplied into B.
 */
export function* loraTensors(
  layout: Layout,
  values: Float32Array,
  { alpha, rank }: LoraOptions,
): Generator<{ name: string; shape: Shape; data: Float32Array }> {
  const scale = alpha / rank
  for (const { name, shape, data } of layout.tensors(values))
    yield { name: `unet.${name}`, shape, data: name.endsWith('.lora_B.weight') ? data.map((x) => scale * x) : data }
}
