import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { learningRate, optimizerOf, parseRecipe } from '../../src/training/recipe.js'
import { readRecipe, recipeFiles, smokeRecipe } from './support/smoke.js'

const FILE = 'mine.json'

/** The message that a smoke recipe with changed fields is refused with. */
function refusal(objective: string, changes: Record<string, unknown>): string {
  const recipe = { ...readRecipe(`smoke/${objective}.json`), ...changes }
  try {
    parseRecipe(JSON.parse(JSON.stringify(recipe)), FILE)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).message
  }
  throw new Error('the recipe was accepted')
}

describe('the recipes of the repository', () => {
  it.each(recipeFiles())('%s is valid', (path) => {
    const recipe = parseRecipe(readRecipe(path), path)
    expect(recipe.steps).toBeGreaterThan(recipe.warmup)
  })

  it('are there for every objective', () => {
    const objectives = new Set(recipeFiles().map((path) => readRecipe(path).objective))
    expect([...objectives].sort()).toEqual(['image-encoder', 'sfv', 'teacher', 'vae'])
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

  it.each([[null], [[]], ['vae'], [{}]])('refuses %j, which is no recipe', (value) => {
    expect(() => parseRecipe(value, FILE)).toThrow(UserError)
    expect(() => parseRecipe(value, FILE)).toThrow(FILE)
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
