import { cp, mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UserError } from '../errors.js'
import { type ParameterSet } from '../nn/weights.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { Checkpoint, saveCheckpoint } from '../weights/checkpoint.node.js'
import { type FloatDType } from '../weights/convert.js'
import { readJsonFile } from '../weights/diffusers.node.js'
import { weightsStem } from '../weights/pipeline-index.js'
import { initialValues } from './initial-values.js'
import { Layout } from './parameters.js'

/** A component's config.json. */
export async function readConfig(folder: string, component: string): Promise<{ json: object; file: string }> {
  const file = join(folder, component, 'config.json')
  try {
    return { json: await readJsonFile(file), file }
  } catch (error) {
    throw new UserError(`${(error as Error).message} (or train or copy the ${component} first)`)
  }
}

/** All weights of a component as one vector in the order of `set`; names and shapes must match. */
export async function readWeights(folder: string, component: string, set: ParameterSet): Promise<Float32Array> {
  const checkpoint = await Checkpoint.open(join(folder, component))
  checkpoint.checkAgainst(set.shapes, component)
  const layout = new Layout(set.shapes)
  const vector = new Float32Array(layout.size)
  for (const { name, offset } of layout.spans) vector.set(await checkpoint.read(name), offset)
  return vector
}

/** A network to train: its configuration and first values. */
export interface StartedNetwork<C> {
  readonly config: C
  readonly json: object
  readonly initial: Float32Array
}

/**
 * Prepares a component for training: from a pipeline folder that has it (`network` is a path), or from a config.json given
 * in the recipe, with initial values from the seed. `trace` parses the configuration and runs the model with recording
 * weights.
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

/** Writes a component in diffusers layout, weights in float16 unless told. */
export async function saveComponent(
  folder: string,
  component: string,
  json: object,
  layout: Layout,
  values: Float32Array,
  dtype: FloatDType = 'F16',
): Promise<void> {
  const file = join(folder, component, `${weightsStem(component)}.safetensors`)
  await saveCheckpoint(file, layout.tensors(values), { dtype })
  await writeFileAtomic(join(folder, component, 'config.json'), `${JSON.stringify(json, null, 2)}\n`)
}

/** Copies what a pipeline folder has besides a student into another one that has it not: the other is then a pipeline too. */
export async function copyComponents(model: string, output: string): Promise<void> {
  if (resolve(model) === resolve(output)) return
  await mkdir(output, { recursive: true })
  for (const name of await readdir(model))
    if (!name.startsWith('student'))
      await cp(join(model, name), join(output, name), { recursive: true, force: false, dereference: true })
}
