/** What a tensor of a LoRA file is to which module of the network. */
export interface LoraTensor {
  /** Path of the module; of kohya-ss with `_` in place of `.`. */
  readonly module: string
  readonly role: 'down' | 'up' | 'alpha'
  /** PEFT's name of the adapter, where the file keeps it. */
  readonly adapter?: string | undefined
  readonly format: 'peft' | 'diffusers' | 'kohya'
}

/** What is put before the names of a UNet's modules: by PEFT's own models, and by the pipelines of diffusers. */
const PREFIX = /^(?:base_model\.model\.)?(?:unet\.)?/

/** Whether a file is what PEFT itself saves, whose alpha is in a file beside it. */
export function isSavedByPeft(name: string): boolean {
  return name.startsWith('base_model.model.')
}

/**
 * Reads the name of a tensor: of PEFT (`<module>.lora_A.weight`), of diffusers up to 0.20 (`lora.down`, and the layers
 * of its attention processors), or of kohya-ss (`lora_unet_<module>.lora_down.weight`).
 *
 * @returns undefined where it is none of these.
 */
export function parseLoraName(name: string): LoraTensor | undefined {
  const kohya = /^lora_unet_(\w+)\.(?:lora_(down|up)\.weight|alpha)$/.exec(name)
  if (kohya) return { module: kohya[1]!, role: (kohya[2] as 'down' | 'up' | undefined) ?? 'alpha', format: 'kohya' }
  const inside = name.replace(PREFIX, '')
  const peft = /^(.+)\.lora_([AB])(?:\.(\w+))?\.weight$/.exec(inside)
  if (peft) return { module: peft[1]!, role: peft[2] === 'A' ? 'down' : 'up', adapter: peft[3], format: 'peft' }
  const processor = /^(.+)\.processor\.(to_[qkv]|to_out)_lora\.(down|up)\.weight$/.exec(inside)
  if (processor) {
    const layer = processor[2] === 'to_out' ? 'to_out.0' : processor[2]
    return { module: `${processor[1]}.${layer}`, role: processor[3] as 'down' | 'up', format: 'diffusers' }
  }
  const old = /^(.+)\.(?:lora\.(down|up)\.weight|alpha)$/.exec(inside)
  return old
    ? { module: old[1]!, role: (old[2] as 'down' | 'up' | undefined) ?? 'alpha', format: 'diffusers' }
    : undefined
}

/** Tensors of updates that are more than a low-rank sum, and what they are called. */
const OTHER_UPDATES: readonly [name: RegExp, what: string][] = [
  [/dora_scale$|lora_magnitude_vector/, 'DoRA'],
  [/\.hada_w\d/, 'LoHa of LyCORIS'],
  [/\.lokr_w\d/, 'LoKr of LyCORIS'],
  [/\.lora_mid\./, 'LoCon with a middle layer'],
  [/\.diff(_b)?$|lora_B(\.\w+)?\.bias$|modules_to_save/, 'a LoRA with weights of full rank beside it'],
]

/** Why a tensor cannot be read, for a message that begins with its file; undefined where the reason is not known. */
export function otherUpdate(name: string): string | undefined {
  const other = OTHER_UPDATES.find(([pattern]) => pattern.test(name))
  if (other)
    return `${name} is of ${other[1]}, which is more than a low-rank sum; merge it with the software that made it`
  if (/^lora_te\d?_|text_encoder/.test(name))
    return `${name} adapts a text encoder, which Stable Video Diffusion has not; use a LoRA of its UNet`
  return undefined
}

/** Whether a path is that of a module in the UNet of Stability AI's own software. */
export function isStabilityName(module: string): boolean {
  return /(^|[._])(input_blocks|middle_block|output_blocks)[._]/.test(module)
}
