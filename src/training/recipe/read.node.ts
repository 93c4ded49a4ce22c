import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { packaged } from '../../weights/packaged.node.js'
import { type Recipe } from '../objectives/registry.node.js'
import { parseRecipe } from './parse.node.js'

/**
 * Reads a recipe file. Where it `extends` another (relative to itself), that one's fields hold which it does not state;
 * a field is taken whole, objects too, and `null` takes it away. The recipes of the package are found by their name in
 * it, such as `recipes/finetune.json`, from any folder.
 *
 * @throws UserError naming the file that cannot be read, that extends itself, or that has a wrong field.
 */
export async function readRecipe(file: string): Promise<Recipe> {
  return parseRecipe(await readFields(packaged(file), []), file)
}

async function readFields(file: string, readers: readonly string[]): Promise<unknown> {
  const path = resolve(file)
  if (readers.includes(path))
    throw new UserError(`${file} extends itself, by way of ${readers.length} files; break the circle`)
  const json = await readJson(file)
  if (typeof json !== 'object' || json === null || !('extends' in json)) return json
  const { extends: base, ...fields } = json
  if (typeof base !== 'string') throw new UserError(`${file}: field extends is no file name; give one, or remove it`)
  if (base === '') throw new UserError(`${file}: field extends is empty; give a file name, or remove it`)
  const inherited = await readFields(packaged(base, dirname(file)), [...readers, path])
  if (typeof inherited !== 'object' || inherited === null || Array.isArray(inherited))
    throw new UserError(`${base}, which ${file} extends, is no recipe: it must hold an object of fields`)
  const joined: Record<string, unknown> = { ...inherited, ...fields }
  return Object.fromEntries(Object.entries(joined).filter(([, value]) => value !== null))
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown
  } catch (error) {
    throw new UserError(`cannot read the recipe ${file}: ${(error as Error).message}; give a JSON file`)
  }
}

/**
 * A recipe with `model` and `network` found: `models/fluent` is the one of the package where there is no such folder.
 */
export function located<R extends Recipe>(recipe: R): R {
  const found: { model?: string; network?: string } = {}
  if ('model' in recipe) found.model = packaged(recipe.model)
  if ('network' in recipe && typeof recipe.network === 'string') found.network = packaged(recipe.network)
  return { ...recipe, ...found }
}

/** The pipeline folder that a recipe starts from, where it starts from one. */
export function baseOf(recipe: Recipe): string | undefined {
  if ('model' in recipe) return recipe.model
  return 'network' in recipe && typeof recipe.network === 'string' ? recipe.network : undefined
}
