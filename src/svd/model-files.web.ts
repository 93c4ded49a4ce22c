import { checkTensors } from '../weights/check-tensors.js'
import { parseJsonObject } from '../weights/json.js'
import type { DownloadOptions, ModelFiles } from '../weights/model-files.web.js'
import { configFileName, parseModelDefaults, parsePipelineIndex, PIPELINE_INDEX } from '../weights/pipeline-index.js'
import { parseSafetensorsHeader } from '../weights/safetensors.js'
import { unwrapNames } from '../weights/tensor-names.js'
import { isIndexFile, LORA_FILE, noWeights, parseWeightMap, WEIGHT_FILES } from '../weights/weight-files.js'
import { loraComponent } from './lora-component.js'
import type { ComponentWeights, ModelSource, SourceTensor } from './model-source.js'

/**
 * The components that a single forward needs; the student where the model has one, else the UNet, comes beside them.
 */
const SINGLE_FORWARD = ['image_encoder', 'vae'] as const

/**
 * The model of these files. The weights of a single forward are fetched at once, those of the other components when
 * they are asked for.
 *
 * @param options how far each download is, now and later; a signal that ends the first
 * @throws UserError when a file cannot be fetched, is damaged, or is not that of a StableVideoDiffusionPipeline.
 */
export async function openModelFiles(files: ModelFiles, options: DownloadOptions = {}): Promise<ModelSource> {
  const json = async (path: string) =>
    parseJsonObject(await files.read(path, { signal: options.signal }), `${files.url}${path}`)
  const [index, indexFile] = [await json(PIPELINE_INDEX), `${files.url}${PIPELINE_INDEX}`]
  const types = parsePipelineIndex(index, indexFile)
  const defaults = parseModelDefaults(index, indexFile)
  const components = new Map(
    await Promise.all(
      [...types].map(async ([name, [, className]]) => {
        const config = await json(`${name}/${configFileName(className)}`)
        return [name, { className, config }] as const
      }),
    ),
  )
  const needed = [...SINGLE_FORWARD, components.has('student') ? 'student' : 'unet']
  const weights = await Promise.all(needed.map((component) => allFilesOf(files, component)))
  await files.readAll(weights.flat(), options)
  const { onDownload } = options
  const open = (paths: readonly string[], name: string) => openWeights(files, paths, name, { onDownload })
  return {
    path: files.url,
    components,
    defaults,
    weights: async (name) => {
      const lora = loraOf(files, name)
      if (lora === undefined) return open(await weightFilesOf(files, name), name)
      return loraComponent(await open(await weightFilesOf(files, 'unet'), 'unet'), await open([lora], name))
    },
  }
}

/** The LoRA that a component is stored as, where it is. */
function loraOf(files: ModelFiles, component: string): string | undefined {
  return files.filesOf(component).find((path) => component !== 'unet' && path === `${component}/${LORA_FILE}`)
}

/** All files of weights that a component is opened with: of a LoRA its base's too. */
async function allFilesOf(files: ModelFiles, component: string): Promise<string[]> {
  const lora = loraOf(files, component)
  return lora === undefined ? weightFilesOf(files, component) : [...(await weightFilesOf(files, 'unet')), lora]
}

/** Full precision is fetched only where there is no half: a browser's memory and line are short. */
async function weightFilesOf(files: ModelFiles, component: string): Promise<string[]> {
  const names = files.filesOf(component).map((path) => path.slice(component.length + 1))
  const found = WEIGHT_FILES.half.find((name) => names.includes(name))
  if (found === undefined) throw noWeights(`${files.url}${component}`, names)
  const path = `${component}/${found}`
  if (!isIndexFile(found)) return [path]
  const shards = parseWeightMap(await files.read(path), `${files.url}${path}`).values()
  return [...new Set(shards)].map((shard) => `${component}/${shard}`)
}

async function openWeights(
  files: ModelFiles,
  paths: readonly string[],
  component: string,
  options: DownloadOptions,
): Promise<ComponentWeights> {
  const contents = await files.readAll(paths, options)
  const stored = new Map<string, SourceTensor & { name: string; shape: readonly number[] }>()
  for (const [i, bytes] of contents.entries()) {
    const header = parseSafetensorsHeader(bytes, bytes.length, `${files.url}${paths[i]}`)
    for (const [name, tensor] of header.tensors) stored.set(name, { ...tensor, file: paths[i]! })
  }
  const tensors = unwrapNames(stored)
  const path = `${files.url}${component}`
  return {
    path,
    tensors,
    checkAgainst: (expected, what, ignore) => checkTensors(path, tensors, expected, what, ignore),
  }
}
