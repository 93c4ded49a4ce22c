import { closest } from 'fastest-levenshtein'
import { z } from 'zod'
import { UserError } from '../../errors.js'
import { objectives, recipeSchema, type Recipe } from '../objectives/registry.node.js'

type Issue = z.core.$ZodIssue

/**
 * Reads a recipe and fills in the defaults.
 *
 * @throws UserError naming the file and the first field that is unknown, missing or of the wrong kind, and the nearest
 * valid name.
 */
export function parseRecipe(value: unknown, file: string): Recipe {
  const result = recipeSchema.safeParse(value)
  if (result.success) return result.data
  throw new UserError(`${file}: ${complaint(result.error.issues[0]!, value)}`)
}

function complaint(issue: Issue, recipe: unknown): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0]!
    const nearest = closest(name, fieldNames(recipe, issue.path))
    return `unknown field ${[path, name].filter(Boolean).join('.')}; the nearest valid name is ${nearest}`
  }
  const given = memberAt(recipe, issue.path)
  if (path === '') return `a recipe is an object of fields, this is ${shown(given)}`
  const words = choices(issue)
  if (given === undefined) return `field ${path} is missing${words ? `; choose ${words.join(', ')}` : ''}`
  if (words === undefined) return `field ${path} is ${shown(given)}: ${issue.message}`
  const nearest = typeof given === 'string' ? `; the nearest is ${closest(given, words)}` : ''
  return `field ${path} is ${shown(given)}; choose one of ${words.join(', ')}${nearest}`
}

/** The words that a field may have, where it must be one of some. */
function choices(issue: Issue): string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options as string[]) : undefined
}

function memberAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown> | undefined)?.[key], value)
}

/** The fields of the object at `path`, whose own fields tell which of several schemas it is held against. */
function fieldNames(recipe: unknown, path: readonly PropertyKey[]): string[] {
  let schema: unknown = recipeSchema
  for (let depth = 0; ; depth++) {
    const object = objectSchema(schema, memberAt(recipe, path.slice(0, depth)))
    if (depth === path.length) return Object.keys(object.shape)
    schema = object.shape[path[depth] as string]
  }
}

/** The object schema behind defaults, options and alternatives. */
function objectSchema(schema: unknown, value: unknown): z.ZodObject {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return objectSchema(schema.unwrap(), value)
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = schema.def
    const name = memberAt(value, [discriminator])
    const options = schema.options as z.ZodObject<Record<string, z.ZodType>>[]
    return options.find((option) => option.shape[discriminator]!.safeParse(name).success)!
  }
  return schema as z.ZodObject
}

/** A value as a message shows it, in a few words. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}

/**
 * The JSON Schema of recipe files, which `recipes/schema.json` is: names, types, defaults and descriptions, for
 * completion in editors. A file that extends another may leave out whatever that one states, and take away fields by
 * `null`.
 */
export function recipeJsonSchema(): object {
  const base = z.string().describe('A recipe, relative to this file, whose fields hold where this file has none.')
  const derived = objectives.map(({ recipe }) => z.strictObject({ ...changeable(recipe.shape), extends: base }))
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
