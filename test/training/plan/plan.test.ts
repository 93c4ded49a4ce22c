import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { gradients } from '../../../src/graph/gradients.js'
import { input, matmul, mul, parameter, sum } from '../../../src/graph/ops/index.js'
import { planRecipe } from '../../../src/training/plan/plan.node.js'
import { liveBytes } from '../../../src/graph/memory.js'
import { readRecipe } from '../../../src/training/recipe/read.node.js'
import { inProcess } from '../../cli/sfv.js'
import { recipeJson, recipes, smokeRecipe } from '../support/smoke.js'

describe('the memory of intermediate values', () => {
  it('counts each from where it is made to its last use', () => {
    const x = input('x', [10, 10])
    // a and b live together; then b and c; the sum is an output.
    const a = mul(x, 2)
    const b = mul(a, 3)
    const c = mul(b, 4)
    expect(liveBytes([sum(c)])).toBe(4 * 200)
  })

  it('keeps what the backward pass needs', () => {
    const [x, w] = [input('x', [4, 8]), parameter('w', [8, 8])]
    const squares = (layers: number) => {
      let value = x
      for (let i = 0; i < layers; i++) value = mul(matmul(value, w), value)
      return value
    }
    const needs = (layers: number) => liveBytes(gradients(sum(squares(layers)), [w]))
    // Every further layer keeps its product and its value: two times 4x8 floats.
    expect(needs(6) - needs(5)).toBe(2 * 4 * 8 * 4)
    expect(needs(7) - needs(6)).toBe(needs(6) - needs(5))
  })
})

describe('a plan', () => {
  it("of the paper's recipe has SVD's parameters, from the recipe alone", async () => {
    const plan = await planRecipe(await readRecipe(join(recipes, 'svd/sfv.json')))
    expect(plan.trained.generator).toBe(1_524_623_082)
    expect(plan.trainableShare).toBeGreaterThan(0.7)
    // A forward of SVD at 14x56x96 latents is about 18 TFLOP; here are four of the whole and eight of the encoder half.
    expect(plan.forwardFlopsPerStep / 1e12).toBeGreaterThan(100)
    expect(plan.flopsPerStep / plan.forwardFlopsPerStep).toBeGreaterThan(2)
    // Weights and their gradients alone, in float32.
    expect(plan.memory.accelerator).toBeGreaterThan(2 * 4 * 1_524_623_082)
    // The average and SM3's momentum, once each; its accumulators and the heads are small beside them.
    expect(plan.memory.optimizer / (4 * 1_524_623_082)).toBeCloseTo(2, 1)
  })

  it('grows with the batch, but for the weights', async () => {
    const plan = (batch: number) => planRecipe(smokeRecipe('vae', { batch }))
    const [one, two] = [await plan(1), await plan(2)]
    expect(two.flopsPerStep).toBe(2 * one.flopsPerStep)
    expect(two.memory.weights).toBe(one.memory.weights)
    expect(two.memory.activations).toBeGreaterThan(1.5 * one.memory.activations)
  })

  it('asks for the size of the clips where there are none', async () => {
    const recipe = smokeRecipe('teacher', { data: '/nowhere', model: '/nowhere' })
    await expect(planRecipe(recipe)).rejects.toThrow(UserError)
    await expect(planRecipe({ ...recipe, width: 60, height: 64 })).rejects.toThrow(
      /multiples of 16, not clips of 60x64 pixels; make the clip store with --size 64x64/,
    )
    expect((await planRecipe({ ...recipe, width: 64, height: 64 })).trained).toHaveProperty('unet')
  })
})

describe('networks that cannot be', () => {
  const network = (objective: string) => recipeJson(`smoke/${objective}.json`)['network'] as object
  const fluent = { model: 'models/fluent', data: '/nowhere', width: 64, height: 64 }
  it.each([
    [
      'a crop that cannot be halved',
      'vae',
      { crop: 15 },
      /recipe field crop is 15; give a multiple of 2, by which the VAE shrinks it/,
    ],
    [
      'a VAE of four colours',
      'vae',
      { network: { ...network('vae'), in_channels: 4 } },
      /recipe field network: field in_channels is 4, but .* must be 3/,
    ],
    [
      'a VAE that gives one colour',
      'vae',
      { network: { ...network('vae'), out_channels: 1 } },
      /field out_channels is 1, but pictures have three colours/,
    ],
    [
      'an image encoder of one colour',
      'image-encoder',
      { network: { ...network('image-encoder'), num_channels: 1 } },
      /num_channels is 1, .* must be 3/,
    ],
    [
      'pictures smaller than a patch',
      'image-encoder',
      { network: { ...network('image-encoder'), image_size: 4 } },
      /no network can be made of it: conv\(.*; change it/,
    ],
    [
      'a UNet of other latents',
      'teacher',
      fluent,
      /field in_channels is 8; with latents of 16 channels give 32, 49, 35, 52/,
    ],
    [
      'a UNet of another image encoder',
      'teacher',
      { ...fluent, network: { ...network('teacher'), in_channels: 32, out_channels: 16 } },
      /field cross_attention_dim is 32, but the image encoder's vectors are 128 wide: it must be 128/,
    ],
  ] as const)('are refused before anything is opened: %s', async (_, objective, changes, message) => {
    await expect(planRecipe(smokeRecipe(objective, changes))).rejects.toThrow(UserError)
    await expect(planRecipe(smokeRecipe(objective, changes))).rejects.toThrow(message)
  })
})

describe('sfv train --dry-run', () => {
  const svd = ['train', join(recipes, 'svd/sfv.json'), '--dry-run', '--json']

  it('prints recipe and plan, and refuses with the numbers what does not fit', async () => {
    const { code, stdout, stderr } = await inProcess([...svd, '--memory', '24'])
    const report = JSON.parse(stdout)
    expect(report.recipe).toMatchObject({ steps: 50_000, accumulation: 4, seed: 0 })
    expect(report).toMatchObject({ has: 24e9, fits: false })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^sfv: this cannot fit: it needs \d+ GB at the least and the device has 24\.0 GB; .*LoRA/)
  })

  it('is content with what fits', async () => {
    const { code, stdout, stderr } = await inProcess([...svd, '--memory', '1000'])
    expect([code, JSON.parse(stdout).fits, stderr]).toEqual([0, true, ''])
  })

  it('warns of what fits by the graph, but hardly with what ONNX Runtime adds', async () => {
    const { code, stderr } = await inProcess([...svd, '--memory', '200'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/^sfv: tight: ONNX Runtime is likely to hold \d+ GB, and there are 200 GB\n$/)
  })
})
