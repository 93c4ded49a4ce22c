import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { baseOf, readRecipe } from '../../../src/training/recipe/read.node.js'
import { objectiveOf } from '../../../src/training/objectives/registry.node.js'
import { recipes } from '../support/smoke.js'

const readme = readFileSync(join(recipes, '../README.md'), 'utf8')
const order = [...readme.matchAll(/npx sfv train recipes\/(fluent\/[\w-]+\.json)/g)].map((match) => match[1]!)

/** What a run reads of its model before it trains. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  teacher: ['vae', 'image_encoder'],
  sfv: ['vae', 'image_encoder', 'unet'],
}

it('the recipes of the README, in its order, find what they need, overwrite nothing, and end with a whole model', async () => {
  expect(order).toHaveLength(8)
  const folders = new Map<string, Set<string>>()
  const holds = (folder: string) => folders.get(folder) ?? new Set<string>()
  for (const path of order) {
    const recipe = await readRecipe(join(recipes, path))
    const written = objectiveOf(recipe).written(recipe)
    const { network } = recipe as { network?: unknown }
    if (typeof network === 'string')
      expect([path, [...holds(network)]]).toEqual([path, expect.arrayContaining([...written])])
    const base = baseOf(recipe)
    const needs = NEEDS[recipe.objective] ?? []
    expect([path, [...holds(base ?? '')]]).toEqual([path, expect.arrayContaining([...needs])])
    expect([path, written.filter((component) => holds(recipe.output).has(component))]).toEqual([path, []])
    folders.set(recipe.output, new Set([...holds(recipe.output), ...holds(base ?? ''), ...written]))
  }
  expect(holds('models/mine')).toEqual(new Set(['vae', 'image_encoder', 'unet', 'student']))
})
