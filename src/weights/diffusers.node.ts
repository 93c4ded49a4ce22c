import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { cannotRead } from './checkpoint-files.node.js'
import { parseJsonObject, quote, type JsonObject, type JsonValue } from './json.js'

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
}

const INDEX = 'model_index.json'
const PIPELINE_CLASS = 'StableVideoDiffusionPipeline'

/** The version of diffusers whose layout is written. */
const DIFFUSERS_VERSION = '0.29.2'

/** What every StableVideoDiffusionPipeline consists of; further components are read as they are. */
const REQUIRED: Readonly<Record<string, readonly [library: string, className: string]>> = {
  feature_extractor: ['transformers', 'CLIPImageProcessor'],
  image_encoder: ['transformers', 'CLIPVisionModelWithProjection'],
  scheduler: ['diffusers', 'EulerDiscreteScheduler'],
  unet: ['diffusers', 'UNetSpatioTemporalConditionModel'],
  vae: ['diffusers', 'AutoencoderKLTemporalDecoder'],
}

/**
 * Reads model_index.json and every component's configuration. Fields of the configurations are left to the models.
 *
 * @throws UserError when `path` is not the folder of a StableVideoDiffusionPipeline, or a component is missing, of
 * another class, or without a valid configuration.
 */
export async function readPipelineFolder(path: string): Promise<PipelineFolder> {
  const file = join(path, INDEX)
  await expectFolder(path, `a folder with a ${INDEX}`)
  const index = await readJsonFile(file)
  if (index['_class_name'] !== PIPELINE_CLASS) {
    const found = JSON.stringify(index['_class_name'] ?? null)
    throw new UserError(`${file}: field _class_name is ${found}; only ${PIPELINE_CLASS} can be read`)
  }

  const components = new Map<string, PipelineComponent>()
  for (const [name, value] of Object.entries(index)) {
    const type = name.startsWith('_') ? undefined : parseType(name, value, file)
    if (!type) continue
    const [library, className] = type
    await expectFolder(join(path, name), `the folder of the component ${name} of ${file}`)
    const config = await readJsonFile(join(path, name, configFileName(className)))
    components.set(name, { library, className, config })
  }
  const missing = Object.keys(REQUIRED).find((name) => !components.has(name))
  if (missing) throw new UserError(`${file}: field ${missing} is missing; ${PIPELINE_CLASS} needs this component`)
  return { path, components }
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
  await writeFileAtomic(join(path, INDEX), formatJson(noted))
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

/** The file that holds the configuration of a class, in the component's folder. */
function configFileName(className: string): string {
  if (className.endsWith('Scheduler')) return 'scheduler_config.json'
  return className.endsWith('ImageProcessor') ? 'preprocessor_config.json' : 'config.json'
}

/** The library and class of a component; undefined for an optional one that the pipeline was saved without. */
function parseType(name: string, value: JsonValue, file: string): readonly [string, string] | undefined {
  if (!/^\w+$/.test(name)) throw new UserError(`${file}: field ${quote(name)} is not the name of a folder; rename it`)
  const [library, className] = Array.isArray(value) && value.length === 2 ? (value as JsonValue[]) : []
  const required = Object.hasOwn(REQUIRED, name) ? REQUIRED[name] : undefined
  if (library === null && className === null && !required) return undefined
  if (typeof library !== 'string' || typeof className !== 'string') {
    throw new UserError(`${file}: field ${name} is not a pair [library, class]; write it as in diffusers' own files`)
  }
  if (required && (library !== required[0] || className !== required[1])) {
    throw new UserError(`${file}: field ${name} is ${library}'s ${className}; only ${required.join("'s ")} can be read`)
  }
  return [library, className]
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
