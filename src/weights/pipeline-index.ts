import { UserError } from '../errors.js'
import { quote, type JsonObject, type JsonValue } from './json.js'

/** The file that makes a folder a pipeline. */
export const PIPELINE_INDEX = 'model_index.json'

/** The only pipeline that is read. */
export const PIPELINE_CLASS = 'StableVideoDiffusionPipeline'

/** What every StableVideoDiffusionPipeline consists of; further components are read as they are. */
const REQUIRED: Readonly<Record<string, readonly [library: string, className: string] | undefined>> = {
  feature_extractor: ['transformers', 'CLIPImageProcessor'],
  image_encoder: ['transformers', 'CLIPVisionModelWithProjection'],
  // Which class a scheduler is, its configuration says: those of AnimateLCM are not in diffusers.
  scheduler: undefined,
  unet: ['diffusers', 'UNetSpatioTemporalConditionModel'],
  // Of the classes that `models/autoencoder` knows, which are not all in diffusers.
  vae: undefined,
}

/**
 * The image processor of CLIP by all its names: of transformers up to 4.2x, `Fast` of 4.5x, `Pil` of 5 without
 * torchvision. The pipeline resizes pictures itself, so that they do the same.
 */
const CLIP_PROCESSOR = /^CLIP(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/

/** The library and the class of a component. */
export type ComponentType = readonly [library: string, className: string]

/**
 * The components that a model_index.json lists, by name, which is also the name of their folder.
 *
 * @param index what the file holds
 * @param file its name, for messages
 * @throws UserError when it is not that of a StableVideoDiffusionPipeline, or a component is missing or of another
 *   class.
 */
export function parsePipelineIndex(index: JsonObject, file: string): ReadonlyMap<string, ComponentType> {
  if (index['_class_name'] !== PIPELINE_CLASS) {
    const found = JSON.stringify(index['_class_name'] ?? null)
    throw new UserError(`${file}: field _class_name is ${found}; only ${PIPELINE_CLASS} can be read`)
  }
  const components = new Map<string, ComponentType>()
  for (const [name, value] of Object.entries(index)) {
    const type = name.startsWith('_') ? undefined : parseType(name, value, file)
    if (type) components.set(name, type)
  }
  const missing = Object.keys(REQUIRED).find((name) => !components.has(name))
  if (missing) throw new UserError(`${file}: field ${missing} is missing; ${PIPELINE_CLASS} needs this component`)
  return components
}

/** What a model is best asked for where nothing is told. */
export interface ModelDefaults {
  /** SVD's motion bucket, 0 to 255. */
  readonly motion?: number
  /** Guidance scale of the last frame, for several steps; 1 for none. */
  readonly maxGuidance?: number
  /**
   * The least share of the edge, 0 to 1, that is free (clear or white) in pictures like those that it was trained on. Others may
   * come out badly; none is refused.
   */
  readonly freeEdge?: number
}

/**
 * Fields of `_sfv_defaults`, named as diffusers' pipeline names settings, where it has them: the most that each may be, and its name
 * here.
 */
const DEFAULTS = {
  motion_bucket_id: { most: 255, name: 'motion' },
  max_guidance_scale: { most: 100, name: 'maxGuidance' },
  free_edge: { most: 1, name: 'freeEdge' },
} as const

/**
 * The field `_sfv_defaults` of a model_index.json, an object. Diffusers passes over fields that begin with an
 * underscore.
 *
 * @throws UserError when it holds a name that is not known, or a number out of range.
 */
export function parseModelDefaults(index: JsonObject, file: string): ModelDefaults {
  const given = index['_sfv_defaults'] ?? {}
  if (typeof given !== 'object' || Array.isArray(given))
    throw new UserError(
      `${file}: field _sfv_defaults is not an object; write {"motion_bucket_id": 127}, or leave it out`,
    )
  const defaults: { -readonly [Name in keyof ModelDefaults]: number } = {}
  for (const [field, value] of Object.entries(given)) {
    const known = Object.hasOwn(DEFAULTS, field) ? DEFAULTS[field as keyof typeof DEFAULTS] : undefined
    if (!known)
      throw new UserError(
        `${file}: field _sfv_defaults has ${quote(field)}; known are ${Object.keys(DEFAULTS).join(', ')}`,
      )
    if (typeof value !== 'number' || !(value >= 0 && value <= known.most))
      throw new UserError(
        `${file}: field _sfv_defaults.${field} is ${JSON.stringify(value)}; give a number from 0 to ${known.most}`,
      )
    defaults[known.name] = value
  }
  return defaults
}

/** The file that holds the configuration of a class, in the component's folder. */
export function configFileName(className: string): string {
  if (className.endsWith('Scheduler')) return 'scheduler_config.json'
  return CLIP_PROCESSOR.test(className) ? 'preprocessor_config.json' : 'config.json'
}

/** What the files of a component's weights are called, without their ending. */
export function weightsStem(component: string): string {
  return component === 'image_encoder' ? 'model' : 'diffusion_pytorch_model'
}

/** The library and class of a component; undefined for an optional one that the pipeline was saved without. */
function parseType(name: string, value: JsonValue, file: string): ComponentType | undefined {
  if (!/^\w+$/.test(name)) throw new UserError(`${file}: field ${quote(name)} is not the name of a folder; rename it`)
  const [library, className] = Array.isArray(value) && value.length === 2 ? (value as JsonValue[]) : []
  const isRequired = Object.hasOwn(REQUIRED, name)
  const required = isRequired ? REQUIRED[name] : undefined
  if (library === null && className === null && !isRequired) return undefined
  if (typeof library !== 'string' || typeof className !== 'string') {
    throw new UserError(`${file}: field ${name} is not a pair [library, class]; write it as in diffusers' own files`)
  }
  const known = className === required?.[1] || (name === 'feature_extractor' && CLIP_PROCESSOR.test(className))
  if (required && (library !== required[0] || !known)) {
    throw new UserError(`${file}: field ${name} is ${library}'s ${className}; only ${required.join("'s ")} can be read`)
  }
  return [library, className]
}
