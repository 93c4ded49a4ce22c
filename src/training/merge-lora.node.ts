import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { type Shape, sizeOf } from '../graph/tensor.js'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { copyComponents, readConfig, saveComponent } from './components.node.js'
import { Layout } from './parameters.js'

/** File name that diffusers gives and looks for. */
export const LORA_FILE = 'pytorch_lora_weights.safetensors'

/** A low-rank update of one weight. */
interface Adapter {
  /** (rank, in, ...) */
  readonly a: { readonly shape: Shape; readonly values: Float32Array }
  /** (out, rank, ...) */
  readonly b: { readonly shape: Shape; readonly values: Float32Array }
  /** alpha/rank. */
  readonly scale: number
}

const DOWN = /^(?:unet\.)?(.+?)\.(?:lora_A|lora\.down)\.weight$/
const UP = ['lora_B', 'lora.up']

/**
 * Reads adapters by the path of their module: a file or its folder, names of PEFT (`lora_A`, `lora_B`) or of older diffusers
 * (`lora.down`, `lora.up`), with or without `unet.` before them; `<module>.alpha` counts where the file has it, else
 * alpha = rank.
 *
 * @throws UserError when a name is none of these or one of a pair is missing.
 */
export async function readLora(path: string): Promise<Map<string, Adapter>> {
  const checkpoint = await openLora(path)
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
    const alpha = checkpoint.tensors.has(`${prefix}.alpha`) ? (await take(`${prefix}.alpha`)).values[0]! : rank
    adapters.set(module, { a, b, scale: alpha / rank })
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

/** Adds scale B A to `weight` (out, in, ...), in place; sums in double precision. */
export function addLora(weight: Float32Array, { a, b, scale }: Adapter): void {
  const [out, rank] = b.shape as [number, number]
  const inner = a.values.length / rank
  const row = new Float64Array(inner)
  for (let o = 0; o < out; o++) {
    row.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = scale * b.values[o * rank + r]!
      if (factor !== 0) for (let i = 0; i < inner; i++) row[i]! += factor * a.values[r * inner + i]!
    }
    for (let i = 0; i < inner; i++) weight[o * inner + i] = weight[o * inner + i]! + row[i]!
  }
}

/**
 * Writes the pipeline folder `out`: that of `model` with W + alpha/rank B A for every weight that the LoRA adapts, as its
 * `student` component, float16. Where `out` is `model`, the student is added to it.
 *
 * @returns how many weights were changed
 * @throws UserError when the LoRA adapts what the model does not have, or in other shapes.
 */
export async function mergeLora(model: string, lora: string, out: string): Promise<number> {
  const { json } = await readConfig(model, 'unet')
  const base = await Checkpoint.open(join(model, 'unet'))
  const adapters = await readLora(lora)
  for (const [module, { a, b }] of adapters) {
    const stored = base.tensors.get(`${module}.weight`)
    if (!stored)
      throw new UserError(`${lora} adapts ${module}, which ${model}/unet does not have; merge it into its base`)
    const [rows, columns] = [stored.shape[0], sizeOf(stored.shape.slice(1))]
    if (rows !== b.shape[0] || columns !== sizeOf(a.shape.slice(1)) || a.shape[0] !== b.shape[1])
      throw new UserError(
        `${lora} adapts ${module} as [${b.shape.join(',')}] times [${a.shape.join(',')}], but its weight in ${model}/unet is [${stored.shape.join(',')}]; merge it into its base`,
      )
  }
  const layout = new Layout([...base.tensors].map(([name, { shape }]) => [name, shape]))
  const values = new Float32Array(layout.size)
  for (const { name, offset, size } of layout.spans) {
    const weight = values.subarray(offset, offset + size)
    weight.set(await base.read(name))
    const adapter = adapters.get(name.replace(/\.weight$/, ''))
    if (adapter && name.endsWith('.weight')) addLora(weight, adapter)
  }
  await copyComponents(model, out)
  await saveComponent(out, 'student', json, layout, values)
  return adapters.size
}
