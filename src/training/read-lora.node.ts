import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../errors.js'
import { type Shape } from '../graph/tensor.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { parseJsonObject } from '../weights/json.js'

/** File name that diffusers gives and looks for. */
export const LORA_FILE = 'pytorch_lora_weights.safetensors'

/** A low-rank update of one weight. */
export interface Adapter {
  /** (rank, in, ...) */
  readonly a: { readonly shape: Shape; readonly values: Float32Array }
  /** (out, rank, ...) */
  readonly b: { readonly shape: Shape; readonly values: Float32Array }
  /** alpha/rank, or what else the file asks for. */
  readonly scale: number
}

const DOWN = /^(?:unet\.)?(.+?)\.(?:lora_A|lora\.down)\.weight$/
const UP = ['lora_B', 'lora.up']

/**
 * Reads adapters by the path of their module: a file or its folder, names of PEFT (`lora_A`, `lora_B`) or of older diffusers
 * (`lora.down`, `lora.up`), with or without `unet.` before them. What the update is scaled by is said by `<module>.alpha`, or by
 * the file's metadata, as `save_lora_adapter` writes it; where the file has neither, alpha = rank.
 *
 * @throws UserError when a name is none of these, one of a pair is missing, or the metadata asks for another kind of update.
 */
export async function readLora(path: string): Promise<Map<string, Adapter>> {
  const checkpoint = await openLora(path)
  const scaleOf = peftScale(checkpoint)
  const adapters = new Map<string, Adapter>()
  const used = new Set<string>()
  const take = async (name: string) => {
    used.add(name)
    return { shape: checkpoint.tensors.get(name)!.shape, values: await checkpoint.read(name) }
  }
  for (const name of checkpoint.tensors.keys()) {
    const [, module] = DOWN.exec(name) ?? []
    if (module === undefined) continue
    const prefix = name.slice(0, name.indexOf(module) + module.length)
    const up = UP.map((word) => `${prefix}.${word}.weight`).find((other) => checkpoint.tensors.has(other))
    if (up === undefined)
      throw new UserError(`${checkpoint.path}: ${name} has no lora_B or lora.up beside it; save both`)
    const [a, b] = [await take(name), await take(up)]
    const rank = a.shape[0]!
    const scale = checkpoint.tensors.has(`${prefix}.alpha`)
      ? (await take(`${prefix}.alpha`)).values[0]! / rank
      : scaleOf(module, rank)
    adapters.set(module, { a, b, scale })
  }
  const stray = [...checkpoint.tensors.keys()].find((name) => !used.has(name))
  if (stray !== undefined)
    throw new UserError(`${checkpoint.path}: ${stray} is no LoRA tensor of a UNet; expected names of diffusers or PEFT`)
  return adapters
}

async function openLora(path: string): Promise<Checkpoint> {
  if (path.endsWith('.safetensors')) return Checkpoint.open(path)
  const names = await readdir(path).catch(() => [] as string[])
  if (!names.includes(LORA_FILE))
    throw new UserError(`${path} holds no ${LORA_FILE}; give a LoRA file, or the folder that has one`)
  return Checkpoint.open(join(path, LORA_FILE))
}

/** What this reader needs of a `LoraConfig` of PEFT. */
const peftConfig = z.object({
  lora_alpha: z.number(),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  fan_in_fan_out: z.boolean().default(false),
})

/** How PEFT scales an update, by module and rank, under the `LoraConfig` in the metadata; 1 where there is none. */
function peftScale({ metadata, path }: Checkpoint): (module: string, rank: number) => number {
  const text = metadata['lora_adapter_metadata']
  if (text === undefined) return () => 1
  const fields = Object.entries(parseJsonObject(Buffer.from(text), `${path}: lora_adapter_metadata`))
  const config = peftConfig.safeParse(Object.fromEntries(fields.map(([name, x]) => [name.replace(/^unet\./, ''), x])))
  if (!config.success)
    throw new UserError(`${path}: its lora_adapter_metadata is no LoraConfig of PEFT; save the LoRA again`)
  const { lora_alpha, alpha_pattern, use_rslora, use_dora, fan_in_fan_out } = config.data
  if (use_dora || fan_in_fan_out)
    throw new UserError(`${path} has use_dora or fan_in_fan_out, which is more than a low-rank sum; merge it with PEFT`)
  const patterns = Object.entries(alpha_pattern)
  return (module, rank) => {
    const own = patterns.find(([name]) => module === name || module.endsWith(`.${name}`))
    return (own?.[1] ?? lora_alpha) / (use_rslora ? Math.sqrt(rank) : rank)
  }
}
