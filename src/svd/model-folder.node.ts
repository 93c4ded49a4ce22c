import { join } from 'node:path'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readPipelineFolder } from '../weights/diffusers.node.js'
import { modelFolder } from '../weights/model-folder.node.js'
import { UNET_CLASS } from './model.js'
import type { ModelSource } from './model-source.js'

/**
 * The files of a model folder, or of the snapshot in a model's folder of huggingface_hub's cache. Weights are found
 * when they are asked for.
 *
 * @throws UserError when there is no such folder, or it is not that of a StableVideoDiffusionPipeline.
 */
export async function openModelFolder(folder: string): Promise<ModelSource> {
  const { path, components, defaults } = await readPipelineFolder(await modelFolder(folder), UNET_CLASS)
  return { path, components, defaults, weights: (component) => Checkpoint.open(join(path, component)) }
}
