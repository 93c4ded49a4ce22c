import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Recipe, type RecipeOf } from '../../../src/training/objectives/registry.node.js'
import { parseRecipe } from '../../../src/training/recipe/parse.node.js'

/** The recipes of the repository. */
export const recipes = fileURLToPath(new URL('../../../recipes/', import.meta.url))

/** Paths of all recipes of the repository, relative to `recipes/`. */
export function recipeFiles(): string[] {
  return readdirSync(recipes, { recursive: true, encoding: 'utf8' }).filter((name) => /[/\\].*\.json$/.test(name))
}

/** The JSON of a recipe file, by its path relative to `recipes/`. */
export function recipeJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(path, `file://${recipes}`), 'utf8')) as Record<string, unknown>
}

/** The smoke recipe of an objective, with some of its fields changed. */
export function smokeRecipe<O extends Recipe['objective']>(
  objective: O,
  changes: Readonly<Record<string, unknown>> = {},
): RecipeOf<O> {
  const path = `smoke/${objective}.json`
  return parseRecipe({ ...recipeJson(path), ...changes }, path) as RecipeOf<O>
}
