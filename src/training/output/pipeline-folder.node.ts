import { cp, readdir, rename, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { parseAutoencoder } from '../../models/autoencoder.js'
import { VAE_CLASS } from '../../models/vae/index.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import { Checkpoint } from '../../weights/checkpoint.node.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { type JsonObject, type JsonValue } from '../../weights/json.js'
import { clipImageProcessor, SVD_SCHEDULER } from '../../weights/pipeline-defaults.js'
import { PIPELINE_CLASS, PIPELINE_INDEX } from '../../weights/pipeline-index.js'
import { PREPROCESSOR, readConfig, weightFiles } from './components.node.js'

/** The networks that a pipeline cannot do without. */
const NETWORKS = ['vae', 'image_encoder', 'unet'] as const

/** The components that training knows: library and class, as model_index.json names them. */
const TYPES: Readonly<Record<string, readonly [library: string, className: string]>> = {
  feature_extractor: ['transformers', 'CLIPImageProcessor'],
  image_encoder: ['transformers', 'CLIPVisionModelWithProjection'],
  scheduler: ['diffusers', 'EulerDiscreteScheduler'],
  unet: ['diffusers', 'UNetSpatioTemporalConditionModel'],
  vae: ['diffusers', VAE_CLASS],
  student: ['diffusers', 'UNetSpatioTemporalConditionModel'],
}

/**
 * Makes a pipeline of a folder into which components were written: those that it has not are copied from `base`;
 * scheduler and image processor are SVD's where that has none; the index comes last.
 *
 * @param base the folder that the components were trained with, where there is one
 * @param without components of `base` that do not belong to what was written
 * @returns the networks that are still missing; without them the folder is no pipeline yet, and has no index
 * @throws UserError when a file of `base` cannot be read, or one cannot be written.
 */
export async function completePipeline(
  folder: string,
  base: string | undefined,
  without: readonly string[] = [],
): Promise<string[]> {
  const foreign = base === undefined || resolve(base) === resolve(folder) ? undefined : base
  const given = foreign === undefined ? {} : await indexOf(foreign)
  if (foreign !== undefined)
    for (const name of await componentsOf(foreign, given))
      if (!without.includes(name)) await copyComponent(foreign, folder, name)
  const missing: string[] = []
  for (const name of NETWORKS) if ((await weightFiles(join(folder, name))).length === 0) missing.push(name)
  if (missing.length > 0) return missing
  const own = await indexOf(folder)
  const present = new Set(await foldersOf(folder))
  if (!present.has('scheduler')) await writeConfig(folder, 'scheduler', 'scheduler_config.json', SVD_SCHEDULER)
  if (!present.has('feature_extractor')) {
    const { json } = await readConfig(folder, 'image_encoder')
    const side = Number((json as { image_size?: unknown }).image_size ?? 224)
    await writeConfig(folder, 'feature_extractor', PREPROCESSOR, clipImageProcessor(side))
  }
  await writeIndex(folder, { ...given, ...own }, await foldersOf(folder))
  return []
}

/** The components that a folder's index lists, or those that training knows where it has none. */
async function componentsOf(folder: string, index: JsonObject): Promise<string[]> {
  const folders = await foldersOf(folder)
  return folders.filter((name) => Object.hasOwn(TYPES, name) || Array.isArray(index[name]))
}

async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: Error) => {
    throw new UserError(`cannot read ${folder}: ${error.message}; name the folder of a model`)
  })
  return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name)
}

/** A model_index.json; empty where there is none. */
async function indexOf(folder: string): Promise<JsonObject> {
  const names: readonly string[] = await readdir(folder).catch(() => [])
  return names.includes(PIPELINE_INDEX) ? readJsonFile(join(folder, PIPELINE_INDEX)) : {}
}

/** Copies a component with the weights that are read of it; one that is there already stays. */
async function copyComponent(from: string, to: string, name: string): Promise<void> {
  if ((await readdir(join(to, name)).catch(() => [])).length > 0) return
  const wanted = await filesOf(join(from, name))
  const part = join(to, `.${name}.part`)
  try {
    await rm(part, { recursive: true, force: true })
    for (const file of wanted) await cp(join(from, name, file), join(part, file), { dereference: true })
    await rm(join(to, name), { recursive: true, force: true })
    await rename(part, join(to, name))
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw new UserError(
      `cannot copy ${join(from, name)} to ${to}: ${(error as Error).message}; make room, or free access`,
    )
  }
}

/** The files that make a component: its JSON, and of its weights those that are read. */
async function filesOf(folder: string): Promise<string[]> {
  const weights = await weightFiles(folder)
  const others = (await readdir(folder)).filter((name) => name.endsWith('.json') && !weights.includes(name))
  if (weights.length === 0) return others
  const read = new Set([...(await Checkpoint.open(folder)).tensors.values()].map(({ file }) => basename(file)))
  const half = [...read].some((name) => name.includes('.fp16'))
  const indices = weights.filter((name) => name.endsWith('.json') && name.includes('.fp16') === half)
  return [...others, ...read, ...(read.size > 1 ? indices : [])]
}

async function writeConfig(folder: string, component: string, file: string, config: JsonObject): Promise<void> {
  const noted = component === 'scheduler' ? { _class_name: TYPES['scheduler']![1], ...config } : config
  await writeFileAtomic(join(folder, component, file), `${JSON.stringify(noted, null, 2)}\n`)
}

async function typeOfFirstStage(folder: string): Promise<string[]> {
  const { json, file } = await readConfig(folder, 'vae')
  const { className } = parseAutoencoder(json, file)
  return [className === VAE_CLASS ? 'diffusers' : 'sfv', className]
}

/** Lists the components that are there and known; what the index says of others, and of settings, stays. */
async function writeIndex(folder: string, before: JsonObject, present: readonly string[]): Promise<void> {
  const listed = Object.entries(TYPES).filter(([name]) => present.includes(name))
  const index: Record<string, JsonValue> = { _class_name: PIPELINE_CLASS, ...before }
  for (const [name, type] of listed) index[name] ??= type
  // The first stage may be of another class than the one that was there before.
  index['vae'] = await typeOfFirstStage(folder)
  for (const name of Object.keys(index)) if (!name.startsWith('_') && !present.includes(name)) delete index[name]
  await writeFileAtomic(join(folder, PIPELINE_INDEX), `${JSON.stringify(index, null, 2)}\n`)
}
