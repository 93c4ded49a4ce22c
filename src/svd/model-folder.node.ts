import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Checkpoint } from '../weights/checkpoint.node.js'
import { readPipelineFolder } from '../weights/diffusers.node.js'
import { modelFolder } from '../weights/model-folder.node.js'
import { LORA_FILE } from '../weights/weight-files.js'
import { loraComponent } from './lora-component.js'
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
  const weights = async (component: string) => {
    const lora = join(path, component, LORA_FILE)
    if (component === 'unet' || !(await stat(lora).catch(() => undefined)))
      return Checkpoint.open(join(path, component))
    return loraComponent(await Checkpoint.open(join(path, 'unet')), await Checkpoint.open(lora))
  }
  return { path, components, defaults, weights }
}
