import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { parseAutoencoder } from '../../models/autoencoder.js'
import { parseClipVisionConfig } from '../../models/clip/index.js'
import { type ParameterSet } from '../../nn/weights.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import { type Engine } from '../../runtime/program.js'
import { PictureNetworks } from '../../svd/picture-networks.js'
import { type ClipPreprocessing, parsePreprocessorConfig } from '../../svd/preprocess.js'
import { Checkpoint, saveCheckpoint } from '../../weights/checkpoint.node.js'
import { type FloatDType } from '../../weights/convert.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { type JsonObject } from '../../weights/json.js'
import { clipImageProcessor } from '../../weights/pipeline-defaults.js'
import { weightsStem } from '../../weights/pipeline-index.js'
import { LORA_FILE } from '../../weights/weight-files.js'
import { addLora, readLora } from '../lora/read-lora.node.js'
import { initialValues } from '../trainer/initial-values.js'
import { Layout } from '../trainer/parameters.js'

/** The file of a feature extractor's configuration. */
export const PREPROCESSOR = 'preprocessor_config.json'

/** A component's config.json. */
export async function readConfig(folder: string, component: string): Promise<{ json: object; file: string }> {
  const file = join(folder, component, 'config.json')
  try {
    return { json: await readJsonFile(file), file }
  } catch (error) {
    throw new UserError(`${(error as Error).message} (or train or copy the ${component} first)`)
  }
}

/** How the image encoder of a folder wants its pictures: as the folder says, else as SVD's does in that size. */
export async function readPreprocessing(folder: string | undefined, imageSize: number): Promise<ClipPreprocessing> {
  const [config, file] = await preprocessorOf(folder, imageSize)
  return parsePreprocessorConfig(config, file)
}

async function preprocessorOf(folder: string | undefined, imageSize: number): Promise<[JsonObject, string]> {
  const own = folder === undefined ? '' : join(folder, 'feature_extractor', PREPROCESSOR)
  const isThere = (await stat(own).catch(() => undefined)) !== undefined
  return [isThere ? await readJsonFile(own) : clipImageProcessor(imageSize), own]
}

/**
 * The image encoder and the first stage of a folder that may lack the rest of a model, as one does whose UNet is still to be
 * trained.
 */
export async function openPictureNetworks(folder: string, engine: Engine): Promise<PictureNetworks> {
  const [vae, encoder] = [await readConfig(folder, 'vae'), await readConfig(folder, 'image_encoder')]
  const { imageSize } = parseClipVisionConfig(encoder.json, encoder.file)
  const { className } = parseAutoencoder(vae.json, vae.file)
  const components = new Map([
    ['vae', { className, config: vae.json }],
    ['image_encoder', { className: 'CLIPVisionModelWithProjection', config: encoder.json }],
    ['feature_extractor', { className: 'CLIPImageProcessor', config: (await preprocessorOf(folder, imageSize))[0] }],
  ])
  const weights = (component: string) => Checkpoint.open(join(folder, component))
  return new PictureNetworks({ path: folder, components, weights }, engine)
}

/**
 * All weights of a component as one vector in the order of `set`; names and shapes must match. One that is stored as a
 * LoRA is the UNet with the updates in it.
 */
export async function readWeights(folder: string, component: string, set: ParameterSet): Promise<Float32Array> {
  const lora = join(folder, component, LORA_FILE)
  const isLora = component !== 'unet' && (await stat(lora).catch(() => undefined)) !== undefined
  const checkpoint = await Checkpoint.open(join(folder, isLora ? 'unet' : component))
  checkpoint.checkAgainst(set.shapes, component)
  const layout = new Layout(set.shapes)
  const vector = new Float32Array(layout.size)
  for (const { name, offset } of layout.spans) vector.set(await checkpoint.read(name), offset)
  if (isLora) {
    const weights = layout.views(vector)
    for (const [module, adapter] of await readLora(lora)) {
      const weight = weights[`${module}.weight`]
      if (!weight)
        throw new UserError(`${lora} adapts ${module}, which ${folder}/unet does not have; merge it into its base`)
      addLora(weight, adapter)
    }
  }
  return vector
}

/** A network to train: its configuration and first values. */
export interface StartedNetwork<C> {
  readonly config: C
  readonly json: object
  readonly initial: Float32Array
}

/**
 * Prepares a component for training: from a pipeline folder that has it (`network` is a path), or from a config.json
 * given in the recipe, with initial values from the seed. `trace` parses the configuration and runs the model with
 * recording weights.
 */
export async function startNetwork<C>(
  component: string,
  network: string | object,
  seed: number,
  trace: (json: object, file: string) => { config: C; set: ParameterSet },
): Promise<StartedNetwork<C>> {
  const { json, file } =
    typeof network === 'string' ? await readConfig(network, component) : { json: network, file: 'recipe field network' }
  const { config, set } = trace(json, file)
  const initial =
    typeof network === 'string'
      ? await readWeights(network, component, set)
      : initialValues(set, new Layout(set.shapes), seed)
  return { config, json, initial }
}

/**
 * Writes a component in diffusers layout, weights in float16 unless told. Other weights of the component go, as readers
 * may take either of two files.
 */
export async function saveComponent(
  folder: string,
  component: string,
  json: object,
  layout: Layout,
  values: Float32Array,
  dtype: FloatDType = 'F16',
): Promise<void> {
  const name = `${weightsStem(component)}.safetensors`
  await saveCheckpoint(join(folder, component, name), layout.tensors(values), { dtype })
  for (const other of await weightFiles(join(folder, component)))
    if (other !== name) await rm(join(folder, component, other))
  await writeFileAtomic(join(folder, component, 'config.json'), `${JSON.stringify(json, null, 2)}\n`)
}

const WEIGHTS = /\.(safetensors|bin)$|\.index(\.\w+)?\.json$/

/** Names of the files in a component's folder that hold its weights, in order; none where there is no such folder. */
export async function weightFiles(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => WEIGHTS.test(name) && !name.startsWith('.')).sort()
}
