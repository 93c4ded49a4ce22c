import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type z } from 'zod'
import { objectives } from '../../../src/training/objectives/registry.node.js'
import { UserError } from '../../../src/errors.js'
import { optimizerOf } from '../../../src/training/objectives/fields.js'
import { type RecipeOf } from '../../../src/training/objectives/registry.node.js'
import { parseRecipe, recipeJsonSchema } from '../../../src/training/recipe/parse.node.js'
import { learningRate } from '../../../src/training/trainer/trainer.node.js'
import { readRecipe } from '../../../src/training/recipe/read.node.js'
import { recipeFiles, recipeJson, recipes, smokeRecipe } from '../support/smoke.js'

const FILE = 'mine.json'

/** The message that a smoke recipe with changed fields is refused with. */
function refusal(objective: string, changes: Record<string, unknown>): string {
  const recipe = { ...recipeJson(`smoke/${objective}.json`), ...changes }
  try {
    parseRecipe(JSON.parse(JSON.stringify(recipe)), FILE)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).message
  }
  throw new Error('the recipe was accepted')
}

describe('the recipes of the repository', () => {
  it.each(recipeFiles())('%s is valid, and names the schema for editors', async (path) => {
    const recipe = await readRecipe(join(recipes, path))
    expect(recipe.steps).toBeGreaterThan(recipe.warmup)
    expect(join('.', path, '..', recipeJson(path).$schema as string)).toBe('schema.json')
  })

  // They may be run outside of a clone, where nothing of the package is theirs to replace.
  it.each(recipeFiles())('%s writes over nothing that comes with the package', async (path) => {
    const { output } = await readRecipe(join(recipes, path))
    expect(['models', 'models/fluent', 'models/features']).not.toContain(output)
  })

  it('are there for every objective', async () => {
    const all = await Promise.all(recipeFiles().map((path) => readRecipe(join(recipes, path))))
    expect(new Set(all.map(({ objective }) => objective))).toEqual(
      new Set(objectives.map(({ recipe: { shape } }) => (shape['objective'] as z.ZodLiteral).value)),
    )
  })

  it("of the paper's tables have equal budgets", async () => {
    const rows = recipeFiles().filter((path) => /fluent.tables/.test(path))
    expect(rows).toHaveLength(9)
    const sfv = (await readRecipe(join(recipes, 'fluent/tables/sfv.json'))) as RecipeOf<'sfv'>
    const { steps, batch, accumulation, frames, data, ema, warmup } = sfv
    const budget = { steps, batch, accumulation, frames, data, ema, warmup }
    for (const path of rows) expect(await readRecipe(join(recipes, path))).toMatchObject(budget)
  })

  it('have a current JSON Schema (npm run recipes writes it)', async () => {
    expect(JSON.parse(await readFile(join(recipes, 'schema.json'), 'utf8'))).toEqual(recipeJsonSchema())
  })

  it('have a JSON Schema that describes every field', () => {
    const described = (schema: object): boolean[] =>
      Object.entries(schema).flatMap(([key, value]: [string, unknown]) => {
        if (typeof value !== 'object' || value === null) return []
        const fields = key === 'properties' ? Object.values(value as Record<string, object>) : []
        return [...fields.map((field) => 'description' in field), ...described(value)]
      })
    expect(described(recipeJsonSchema()).length).toBeGreaterThan(50)
    expect(described(recipeJsonSchema())).not.toContain(false)
  })
})

describe('parsing a recipe', () => {
  it('fills in the defaults, which are a fixed point', () => {
    const recipe = smokeRecipe('sfv')
    expect(recipe).toMatchObject({ generatorLevels: 4, pMean: -1, pStd: -1, discriminatorLevels: 1000, lambda: 0.1 })
    expect(recipe).toMatchObject({ heads: 'both', optimizer: { name: 'adamw', eps: 1e-8, weightDecay: 0 } })
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)), FILE)).toEqual(recipe)
  })

  it.each([
    ['an unknown field', 'vae', { learningRate: 1 }, 'learningRate'],
    ["another objective's field", 'vae', { lambda: 1 }, 'lambda'],
    [
      'an unknown field inside',
      'sfv',
      { headsOptimizer: { name: 'sm3', learningRate: 1, lr: 1 } },
      'headsOptimizer.lr',
    ],
    ['a missing field', 'sfv', { headsOptimizer: undefined }, 'headsOptimizer'],
    ['a word for a number', 'vae', { batch: 'four' }, 'batch'],
    ['a folder without a name', 'vae', { output: '' }, 'output'],
    ['a fraction of a step', 'vae', { steps: 1.5 }, 'steps'],
    ['a negative number of steps', 'teacher', { steps: -1 }, 'steps'],
    ['a share above one', 'teacher', { conditionDropout: 1.1 }, 'conditionDropout'],
    ['a decay above one', 'image-encoder', { ema: 2 }, 'ema'],
    ['a wrong type inside', 'vae', { optimizer: { name: 'adamw', learningRate: '1' } }, 'optimizer.learningRate'],
    ['an optimiser nobody knows', 'vae', { optimizer: { name: 'sgd', learningRate: 1 } }, 'optimizer.name'],
    ['heads nobody knows', 'sfv', { heads: 'neither' }, 'heads'],
    ['a width that groups do not divide', 'sfv', { headWidth: 12 }, 'headWidth'],
    ['an objective nobody knows', 'vae', { objective: 'gan' }, 'objective'],
  ])('refuses %s in one sentence with file and field', (_, objective, changes, field) => {
    const message = refusal(objective, changes)
    expect(message).toMatch(new RegExp(`^${FILE}: .*\\b${field.replaceAll('.', '\\.')}\\b`))
    expect(message).not.toContain('\n')
    expect(message.length).toBeLessThan(240)
  })

  it.each([
    ['vae', { warmUp: 1 }, 'unknown field warmUp; the nearest valid name is warmup'],
    ['sfv', { head: 'both' }, 'unknown field head; the nearest valid name is heads'],
    [
      'sfv',
      { optimizer: { name: 'adamw', learningRate: 1, weightdecay: 1 } },
      'unknown field optimizer.weightdecay; the nearest valid name is weightDecay',
    ],
    [
      'sfv',
      { headsOptimizer: { name: 'adam', learningRate: 1 } },
      'field headsOptimizer.name is "adam"; choose one of adamw, sm3; the nearest is adamw',
    ],
    [
      'sfv',
      { heads: 'spacial' },
      'field heads is "spacial"; choose one of spatial, temporal, both; the nearest is spatial',
    ],
    ['vae', { batch: '4' }, 'field batch is "4": Invalid input: expected number, received string'],
    ['vae', { steps: undefined }, 'field steps is missing'],
  ])('%s with %j: %s', (objective, changes, message) => {
    expect(refusal(objective, changes)).toBe(`${FILE}: ${message}`)
  })

  it.each([[null], [[]], ['vae'], [{}]])('refuses %j, which is no recipe', (value) => {
    expect(() => parseRecipe(value, FILE)).toThrow(UserError)
    expect(() => parseRecipe(value, FILE)).toThrow(FILE)
  })
})

describe('a recipe file that extends another', () => {
  let folder: string
  const write = (name: string, json: object) => writeFile(join(folder, name), JSON.stringify(json))
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sfv-recipes-'))
    await write('base.json', recipeJson('smoke/sfv.json'))
    await write('middle.json', { extends: 'base.json', heads: 'spatial', optimizer: { name: 'sm3', learningRate: 1 } })
    await write('top.json', { extends: './middle.json', pMean: -2 })
    await write('circle.json', { extends: 'other.json' })
    await write('other.json', { extends: 'circle.json' })
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('has its own fields, whole, and the rest of the other', async () => {
    const optimizer = { name: 'sm3', learningRate: 1 }
    const expected = smokeRecipe('sfv', { heads: 'spatial', pMean: -2, optimizer })
    expect(await readRecipe(join(folder, 'top.json'))).toEqual(expected)
  })

  it('takes fields away by null, and needs those that it cannot do without', async () => {
    await write('stills.json', { ...recipeJson('smoke/teacher.json'), stills: 'data/stills' })
    await write('no-stills.json', { extends: 'stills.json', stills: null })
    expect(await readRecipe(join(folder, 'no-stills.json'))).toEqual(smokeRecipe('teacher'))
    await write('no-data.json', { extends: 'stills.json', data: null })
    await expect(readRecipe(join(folder, 'no-data.json'))).rejects.toThrow(/no-data\.json: field data is missing/)
  })

  it('finds the recipes of the package by name, from any folder, after those that are there', async () => {
    await write('mine.json', { extends: 'recipes/finetune.json', steps: 7 })
    expect(await readRecipe(join(folder, 'mine.json'))).toMatchObject({ steps: 7, start: 'student' })
    await mkdir(join(folder, 'recipes'))
    await write('recipes/finetune.json', { ...recipeJson('smoke/sfv.json') })
    expect(await readRecipe(join(folder, 'mine.json'))).toEqual(smokeRecipe('sfv', { steps: 7 }))
  })

  it.each([[null], [[1]], ['vae']])('is refused where the other is no object: %j', async (other) => {
    await writeFile(join(folder, 'other-kind.json'), JSON.stringify(other))
    await write('of-no-object.json', { extends: 'other-kind.json' })
    await expect(readRecipe(join(folder, 'of-no-object.json'))).rejects.toThrow(
      /other-kind\.json, which .* is no recipe/,
    )
  })

  it.each([
    ['circle.json', /circle\.json extends itself, by way of 2 files/],
    ['nowhere.json', /cannot read the recipe .*nowhere\.json: ENOENT/],
  ])('is refused where it cannot be resolved: %s', async (name, message) => {
    await expect(readRecipe(join(folder, name))).rejects.toThrow(UserError)
    await expect(readRecipe(join(folder, name))).rejects.toThrow(message)
  })
})

describe('the learning rate', () => {
  const recipe = smokeRecipe('vae', { steps: 110, warmup: 10 })

  it('rises in a line, then falls along half a cosine to zero', () => {
    expect(learningRate(2, 1, recipe)).toBeCloseTo(0.2, 12)
    expect(learningRate(2, 10, recipe)).toBe(2)
    expect(learningRate(2, 35, recipe)).toBeCloseTo(1 + Math.SQRT1_2, 12)
    expect(learningRate(2, 60, recipe)).toBeCloseTo(1, 12)
    expect(learningRate(2, 110, recipe)).toBeCloseTo(0, 12)
  })

  it('stays where it is asked to, and starts at its peak without a warm-up', () => {
    const constant = smokeRecipe('vae', { steps: 10, warmup: 0, decay: 'constant' })
    expect([1, 5, 10].map((step) => learningRate(3, step, constant))).toEqual([3, 3, 3])
  })
})

describe('the optimiser of a recipe', () => {
  it('is the one that is named', () => {
    const { optimizer } = smokeRecipe('sfv', { optimizer: { name: 'sm3', learningRate: 1e-5 } })
    expect(optimizer).toEqual({ name: 'sm3', learningRate: 1e-5, momentum: 0.5, beta: 0.999, eps: 1e-30 })
    expect(optimizerOf(optimizer).slots([2, 3])).toEqual({ acc0: [2], acc1: [3], mom: [2, 3] })
    expect(optimizerOf(smokeRecipe('vae').optimizer).slots([2, 3])).toEqual({ m: [2, 3], v: [2, 3] })
  })
})
