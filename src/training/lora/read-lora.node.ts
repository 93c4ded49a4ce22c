import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../../errors.js'
import { type Shape } from '../../graph/tensor.js'
import { Checkpoint } from '../../weights/checkpoint.node.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { parseJsonObject } from '../../weights/json.js'
import { LORA_FILE } from '../../weights/weight-files.js'
import { peftScale, type LoraScale } from './lora-config.js'
import { isSavedByPeft, isStabilityName, otherUpdate, parseLoraName, type LoraTensor } from './lora-names.js'

/** File names that PEFT gives. */
const PEFT_FILE = 'adapter_model.safetensors'
const PEFT_CONFIG = 'adapter_config.json'

/** A low-rank update of one weight. */
export interface Adapter {
  /** (rank, in, ...) */
  readonly a: { readonly shape: Shape; readonly values: Float32Array }
  /** (out, rank, ...) */
  readonly b: { readonly shape: Shape; readonly values: Float32Array }
  /** alpha/rank, or what else the file asks for. */
  readonly scale: number
}

/**
 * Reads adapters by the path of their module: a file or its folder, in the names of PEFT, diffusers or kohya-ss. What
 * the update is scaled by is said by `<module>.alpha`, by the file's metadata as `save_lora_adapter` of diffusers
 * writes it, or by PEFT's adapter_config.json; where the file has none of these, alpha = rank.
 *
 * @param modules paths of the network's modules, by which those of kohya-ss are known, who writes `_` for `.`
 * @throws UserError when a name is none of these, one of a pair is missing, or another kind of update is asked for.
 */
export async function readLora(path: string, modules: Iterable<string> = []): Promise<Map<string, Adapter>> {
  const checkpoint = await openLora(path)
  const parts = partsOf(checkpoint)
  const scaleOf = await scaleIn(checkpoint)
  const byFlatName = new Map(Array.from(modules, (module) => [module.replaceAll('.', '_'), module]))
  const adapters = new Map<string, Adapter>()
  const read = async (name: string) => ({
    shape: checkpoint.tensors.get(name)!.shape,
    values: await checkpoint.read(name),
  })
  for (const [written, { down, up, alpha, format }] of parts) {
    if (down === undefined || up === undefined) {
      const lost = down === undefined ? 'lora_A (or lora_down)' : 'lora_B (or lora_up)'
      throw new UserError(`${checkpoint.path}: ${down ?? up ?? alpha} has no ${lost} beside it; save both`)
    }
    const module = format === 'kohya' ? byFlatName.get(written) : written
    if (module === undefined || isStabilityName(module))
      throw new UserError(
        `${checkpoint.path} adapts ${written}${format === 'kohya' ? ', in the names of kohya-ss' : ''}, ${isStabilityName(written) ? STABILITY : UNKNOWN}`,
      )
    const [a, b] = [await read(down), await read(up)]
    const rank = a.shape[0]!
    const scale = alpha === undefined ? scaleOf(module, rank) : (await read(alpha)).values[0]! / rank
    adapters.set(module, { a, b, scale })
  }
  return adapters
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

const STABILITY = "a module of Stability AI's own UNet; save it with the names of diffusers"
const UNKNOWN = 'which is no module of the UNet; merge it into its base'

/** The names of the tensors of each module; a module goes by its path as it is written. */
function partsOf({ path, tensors }: Checkpoint) {
  type Parts = { readonly format: LoraTensor['format'] } & Partial<Record<LoraTensor['role'], string>>
  const parts = new Map<string, Parts>()
  const adapters = new Set<string | undefined>()
  for (const name of tensors.keys()) {
    const parsed = parseLoraName(name)
    if (!parsed) {
      const reason =
        otherUpdate(name) ?? `${name} is no LoRA tensor of a UNet; expected names of diffusers, PEFT or kohya-ss`
      throw new UserError(`${path}: ${reason}`)
    }
    const { module, role, adapter, format } = parsed
    if (role !== 'alpha' && adapters.add(adapter).size > 1)
      throw new UserError(`${path} holds several adapters (${[...adapters].join(', ')}); save one of them by itself`)
    const known = parts.get(module)
    if (known?.[role] !== undefined)
      throw new UserError(`${path}: ${name} and ${known[role]} are one tensor in two formats; save one of them`)
    parts.set(module, { ...known, format, [role]: name })
  }
  return parts
}

async function openLora(path: string): Promise<Checkpoint> {
  if ((await stat(path).catch(() => undefined))?.isFile()) {
    if (path.endsWith('.safetensors')) return Checkpoint.open(path)
    throw new UserError(`${path} is no .safetensors file; save the LoRA as one, with safe_serialization`)
  }
  const names = await readdir(path).catch(() => [] as string[])
  const found = [LORA_FILE, PEFT_FILE].find((name) => names.includes(name))
  if (found !== undefined) return Checkpoint.open(join(path, found))
  const other = names.find((name) => /\.(bin|pt|ckpt)$/.test(name))
  const has = other === undefined ? '' : ` but ${other}, a format that sfv does not read`
  throw new UserError(
    `${path} holds no ${LORA_FILE} or ${PEFT_FILE}${has}; give a LoRA file, or the folder that has one`,
  )
}

/** How updates are scaled by what the file or the one beside it says; 1 where neither says anything. */
async function scaleIn({ metadata, path, tensors }: Checkpoint): Promise<LoraScale> {
  const text = metadata['lora_adapter_metadata']
  if (text !== undefined) {
    const source = `${path}: lora_adapter_metadata`
    const fields = Object.entries(parseJsonObject(Buffer.from(text), source))
    return peftScale(Object.fromEntries(fields.map(([name, value]) => [name.replace(/^unet\./, ''), value])), source)
  }
  const config = join(dirname(path), PEFT_CONFIG)
  const saved = basename(path) === PEFT_FILE || [...tensors.keys()].some(isSavedByPeft)
  if (!saved) return () => 1
  if (!(await stat(config).catch(() => undefined)))
    throw new UserError(
      `${path} is a LoRA that PEFT saved, but its ${PEFT_CONFIG}, which has its alpha, is not beside it`,
    )
  return peftScale(await readJsonFile(config), config)
}
