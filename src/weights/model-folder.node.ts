import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors.js'
import { readCheckpointHeaders } from './checkpoint-files.node.js'
import { foldersIn, snapshotOf } from './hub-cache.node.js'
import { PIPELINE_INDEX } from './pipeline-index.js'
import { unreadable } from './weight-files.js'

/**
 * The folder of a model, by its path: the folder itself, or that of huggingface_hub's cache, whose snapshot it is then.
 *
 * @throws UserError when there is no such folder, saying what there is in its place and what to give instead.
 */
export async function modelFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new UserError(`there is no model folder ${path}; give the path of one in the layout of diffusers`)
  if (!found.isDirectory()) throw await notAFolder(path)
  if (await isThere(join(path, PIPELINE_INDEX))) return path
  const snapshot = await snapshotOf(path)
  if (snapshot !== undefined) return snapshot
  const cached = (await foldersIn(path)).filter((name) => name.startsWith('models--'))
  if (cached.length > 0)
    throw new UserError(`${path} is a cache of several models; give one, such as ${join(path, cached[0]!)}`)
  if (await isThere(join(path, '..', PIPELINE_INDEX)))
    throw new UserError(`${path} is one component of a model; give the model's folder, ${dirname(path)}`)
  return path
}

/** What a file is that was given in the place of a model's folder. */
async function notAFolder(path: string): Promise<UserError> {
  if (basename(path) === PIPELINE_INDEX) return new UserError(`${path} is a file; give its folder, ${dirname(path)}`)
  if (!path.endsWith('.safetensors'))
    return unreadable(path) ?? new UserError(`${path} is a file; give the folder of a model in the layout of diffusers`)
  const names = [...(await readCheckpointHeaders(path)).tensors.keys()]
  if (isSingleFile(names)) return new UserError(`${path} is ${SINGLE_FILE_HELP}`)
  if (names.some((name) => /lora/i.test(name)))
    return new UserError(`${path} is a LoRA; merge it into its model: sfv merge MODEL ${path} -o OUT`)
  return new UserError(`${path} holds the weights of one network; give the folder that holds its ${PIPELINE_INDEX}`)
}

/**
 * Whether these are the tensors of a file that holds all networks of a model, as Stability AI and ComfyUI have them.
 */
export function isSingleFile(names: Iterable<string>): boolean {
  return [...names].some((name) => /^(model\.diffusion_model|first_stage_model|conditioner|model_ema)\./.test(name))
}

const SINGLE_FILE_HELP =
  'a single-file checkpoint, the layout of Stability AI and ComfyUI; sfv reads the layout of diffusers: fetch that with `sfv pull OWNER/NAME`, or convert the file with scripts/convert_svd_to_diffusers.py of diffusers'

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
