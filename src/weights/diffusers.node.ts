import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { cannotRead } from './checkpoint-files.node.js'
import { parseJsonObject, type JsonObject, type JsonValue } from './json.js'
import {
  configFileName,
  parseModelDefaults,
  parsePipelineIndex,
  PIPELINE_CLASS,
  PIPELINE_INDEX,
  type ModelDefaults,
} from './pipeline-index.js'

/** One part of a pipeline, such as the unet: the library and the class that read `config`. */
export interface PipelineComponent {
  readonly library: string
  readonly className: string
  readonly config: JsonObject
}

/** The configuration of a pipeline folder in diffusers layout; weights lie beside it, in a folder per component. */
export interface PipelineFolder {
  readonly path: string
  /** Components by name, which is also the name of their folder. */
  readonly components: ReadonlyMap<string, PipelineComponent>
  readonly defaults: ModelDefaults
}

/** The version of diffusers whose layout is written. */
const DIFFUSERS_VERSION = '0.29.2'

/**
 * Reads model_index.json and every component's configuration. Fields of the configurations are left to the models.
 * Folders beside the components whose config.json names the class `besides` count as components though the index does
 * not list them: what was distilled from a model lies in its folder without changing its index.
 *
 * @throws UserError when `path` is not the folder of a StableVideoDiffusionPipeline, or a component is missing, of
 * another class, or without a valid configuration.
 */
export async function readPipelineFolder(path: string, besides?: string): Promise<PipelineFolder> {
  const file = join(path, PIPELINE_INDEX)
  await expectFolder(path, `a folder with a ${PIPELINE_INDEX}`)
  const index = await readJsonFile(file)
  const defaults = parseModelDefaults(index, file)
  const components = new Map<string, PipelineComponent>()
  for (const [name, [library, className]] of parsePipelineIndex(index, file)) {
    await expectFolder(join(path, name), `the folder of the component ${name} of ${file}`)
    const config = await readJsonFile(join(path, name, configFileName(className)))
    components.set(name, { library, className, config })
  }
  if (besides === undefined) return { path, components, defaults }
  for (const name of await readdir(path)) {
    if (components.has(name) || !/^\w+$/.test(name)) continue
    const config = await readJsonFile(join(path, name, 'config.json')).catch(() => undefined)
    if (config?.['_class_name'] === besides) components.set(name, { library: 'diffusers', className: besides, config })
  }
  return { path, components, defaults }
}

/**
 * Writes model_index.json and every component's configuration, as diffusers 0.29.2 does. The index comes last: a folder
 * that has it is whole. Weights are not written here.
 *
 * @throws UserError when a file cannot be written.
 */
export async function writePipelineFolder(
  path: string,
  components: ReadonlyMap<string, PipelineComponent>,
): Promise<void> {
  const index: Record<string, JsonValue> = {}
  for (const [name, { library, className, config }] of components) {
    const noted = { ...config, _class_name: className, _diffusers_version: DIFFUSERS_VERSION }
    const file = join(path, name, configFileName(className))
    await writeFileAtomic(file, formatJson(library === 'diffusers' ? noted : config))
    index[name] = [library, className]
  }
  const noted = { ...index, _class_name: PIPELINE_CLASS, _diffusers_version: DIFFUSERS_VERSION }
  await writeFileAtomic(join(path, PIPELINE_INDEX), formatJson(noted))
}

/**
 * Reads a JSON file that holds one object.
 *
 * @throws UserError when it cannot be read, or is not the JSON of an object with distinct keys.
 */
export async function readJsonFile(file: string): Promise<JsonObject> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw cannotRead(file, error)
  })
  return parseJsonObject(bytes, file)
}

async function expectFolder(path: string, what: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new UserError(`${path} is ${found ? 'not a folder' : 'missing'}; it should be ${what}`)
}

/** Keys sorted, two spaces, a newline at the end. */
function formatJson(object: JsonObject): string {
  const sorted = Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify(sorted, null, 2)}\n`
}
