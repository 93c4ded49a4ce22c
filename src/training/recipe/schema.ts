import { z } from 'zod'
import { consistency } from './consistency.js'
import { imageEncoder } from './image-encoder.js'
import { ladd } from './ladd.js'
import { sfv } from './sfv.js'
import { teacher } from './teacher.js'
import { ufogen } from './ufogen.js'
import { vae } from './vae.js'
import { videoFeatures } from './video-features.js'
import { warpAutoencoder } from './warp-autoencoder.js'

/** Every objective's recipe. */
export const objectives = [
  vae,
  warpAutoencoder,
  imageEncoder,
  teacher,
  sfv,
  consistency,
  ufogen,
  ladd,
  videoFeatures,
] as const

/** A recipe of any objective. */
export const recipeSchema = z.discriminatedUnion('objective', objectives)

/** A training run, every default filled in. */
export type Recipe = z.output<typeof recipeSchema>
/** The recipe of one objective. */
export type RecipeOf<O extends Recipe['objective']> = Extract<Recipe, { objective: O }>
/** The recipe of an objective with SF-V's discriminator. */
export type AdversarialRecipe = RecipeOf<'sfv' | 'ufogen' | 'ladd'>
/** The recipe of a distillation of the teacher. */
export type DistillationRecipe = AdversarialRecipe | RecipeOf<'consistency'>

/**
 * The JSON Schema of recipe files, which `recipes/schema.json` is: names, types, defaults and descriptions, for
 * completion in editors. A file that extends another may leave out whatever that one states, and take away fields by
 * `null`.
 */
export function recipeJsonSchema(): object {
  const base = z.string().describe('A recipe, relative to this file, whose fields hold where this file has none.')
  const derived = objectives.map((schema) => z.strictObject({ ...changeable(schema.shape), extends: base }))
  const file = z.union([recipeSchema, ...derived])
  return { title: 'sfv training recipe', ...z.toJSONSchema(file, { io: 'input', target: 'draft-7' }) }
}

/** Fields that may be left out, and, but for the one that tells recipes apart, be null. */
function changeable(shape: Readonly<Record<string, z.ZodType>>): Record<string, z.ZodType> {
  const fields = Object.entries(shape).map(([name, field]) => {
    const optional = (name === 'objective' ? field : field.nullable()).optional()
    return [name, optional.describe(descriptionOf(field))]
  })
  return Object.fromEntries(fields) as Record<string, z.ZodType>
}

/** What is said of a field, by itself or by what it wraps. */
function descriptionOf(field: z.ZodType): string {
  const inner = field instanceof z.ZodOptional || field instanceof z.ZodDefault ? field.unwrap() : undefined
  return field.description ?? (inner === undefined ? '' : descriptionOf(inner as z.ZodType))
}
