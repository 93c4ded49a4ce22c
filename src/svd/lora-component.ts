import { UserError } from '../errors.js'
import { checkTensors } from '../weights/check-tensors.js'
import { quote } from '../weights/json.js'
import type { ComponentWeights, SourceTensor } from './model-source.js'

/**
 * The weights of a UNet that is stored as a LoRA on another: those of its base and the low-rank updates, which
 * `loraWeights` adds in the graph. So a student takes a fifth of its teacher's bytes.
 *
 * @param base the teacher's weights
 * @param lora a file of `loraTensors`: names of PEFT below `unet.`, one rank, alpha = rank
 * @throws UserError when it is another kind of LoRA.
 */
export function loraComponent(base: ComponentWeights, lora: ComponentWeights): ComponentWeights {
  const updates = new Map<string, SourceTensor & { readonly shape: readonly number[] }>()
  const targets = new Set<string>()
  const ranks = new Set<number>()
  for (const [name, tensor] of lora.tensors) {
    const [, inner, module, role] = /^unet\.((.+)\.lora_([AB])\.weight)$/.exec(name) ?? []
    if (inner === undefined)
      throw new UserError(
        `${lora.path}: ${quote(name)} is no tensor of a LoRA as sfv writes it; merge it with sfv merge`,
      )
    updates.set(inner, tensor)
    targets.add(module!)
    ranks.add(tensor.shape[role === 'A' ? 0 : 1]!)
  }
  const [rank] = ranks
  if (rank === undefined || ranks.size > 1)
    throw new UserError(`${lora.path} has updates of ${ranks.size} ranks; merge it with sfv merge`)
  const tensors = new Map([...base.tensors, ...updates])
  const { path } = lora
  return {
    path,
    tensors,
    lora: { rank, alpha: rank, targets: [...targets] },
    read: async (name) => (updates.has(name) ? lora.read?.(`unet.${name}`) : base.read?.(name)),
    checkAgainst: (expected, what, options) => checkTensors(path, tensors, expected, what, options),
  }
}
