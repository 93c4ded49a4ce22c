import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { nodeEngine } from '../runtime/engine.node.js'
import { saveCheckpoint } from '../weights/checkpoint.node.js'
import type { FloatDType } from '../weights/convert.js'
import { readPipelineFolder, writePipelineFolder } from '../weights/diffusers.node.js'
import { weightsStem } from '../weights/pipeline-index.js'
import { randomWeights } from '../weights/random-weights.js'
import { Model } from '../svd/model.js'
import { PRESET_NAMES, presetComponents } from './presets.js'

/** How `initPipeline` makes a model. */
export interface InitOptions {
  /** Name of a preset (`presetComponents`), or a model folder whose configurations are taken. */
  readonly config: string
  /** The folder to write; it must be empty or not there. */
  readonly out: string
  readonly seed: number
  readonly dtype: FloatDType
  /** Is told the tensors written so far, of all. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What was written, by component. */
export type InitSummary = Readonly<Record<string, { readonly tensors: number; readonly parameters: number }>>

/**
 * Writes a model with random weights in diffusers' layout, tensor by tensor: no more than one is ever in memory. What
 * it makes of a picture is noise; it takes as much memory and time as a trained one of its configuration.
 *
 * @throws UserError when there is no such configuration, or the folder is taken or cannot be written.
 */
export async function initPipeline({ config, out, seed, dtype, onProgress }: InitOptions): Promise<InitSummary> {
  const components = presetComponents(config) ?? (await componentsOf(config))
  const taken = await readdir(out).catch(() => [])
  if (taken.length > 0) throw new UserError(`${out} is not empty; give another folder`)
  const weights = () => Promise.reject(new Error('a new model has no weights'))
  const model = new Model({ path: config, components, weights }, nodeEngine())
  const unets = (['unet', 'student'] as const).filter((name) => components.has(name))
  const networks = new Map([
    ['image_encoder', model.imageEncoder()],
    ['vae', model.vaeDecoder(1, 1, 1)],
    ...unets.map((name) => [name, model.smallestUnet(name)] as const),
  ])
  const shapes = new Map([...networks].map(([name, network]) => [name, [...network.shapes]]))
  const total = [...shapes.values()].reduce((sum, { length }) => sum + length, 0)
  let done = 0
  const summary: Record<string, { tensors: number; parameters: number }> = {}
  for (const [component, entries] of shapes) {
    let parameters = 0
    const tensors = entries.map(([name, shape], index) => ({
      name,
      shape,
      data: () => {
        const values = randomWeights(name, shape, seed, index)
        parameters += values.length
        onProgress?.(++done, total)
        return values
      },
    }))
    const variant = dtype === 'F16' ? '.fp16' : ''
    const file = `${weightsStem(component)}${variant}.safetensors`
    await saveCheckpoint(join(out, component, file), tensors, { dtype })
    summary[component] = { tensors: entries.length, parameters }
  }
  await writePipelineFolder(out, components)
  return summary
}

async function componentsOf(config: string) {
  if (/^[\w-]+$/.test(config)) {
    const folder = await readdir(config).catch(() => undefined)
    if (!folder) throw new UserError(`there is no configuration ${config}; give ${PRESET_NAMES.join(', ')} or a folder`)
  }
  return (await readPipelineFolder(config)).components
}
