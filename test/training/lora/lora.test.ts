import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lower } from '../../../src/graph/lower.js'
import { UserError } from '../../../src/errors.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { Random } from '../../../src/runtime/random.js'
import { GradientProgram } from '../../../src/training/trainer/gradient-program.js'
import { loraWeights } from '../../../src/nn/lora.js'
import { initialAdapters, loraTensors, missingTargets } from '../../../src/training/lora/lora.js'
import { mergeLora } from '../../../src/training/lora/merge-lora.node.js'
import { denoisingLoss } from '../../../src/training/objectives/teacher.node.js'
import { Layout } from '../../../src/training/trainer/parameters.js'
import { readLora } from '../../../src/training/lora/read-lora.node.js'
import { denoiserGraph, recordUNet } from '../../../src/training/objectives/denoiser.js'
import { Checkpoint, saveCheckpoint } from '../../../src/weights/checkpoint.node.js'
import { fixturePath, relativeError } from '../../support/fixture.js'
import { BATCH, CONFIG, randomBatch, randomWeights } from '../support/adversarial.js'
import { slopeError } from '../support/slopes.js'

const engine = nodeEngine({ threads: 1 })
const OPTIONS = { rank: 3, alpha: 6, targets: ['to_q', 'to_out.0', 'conv1', 'conv_in'] }

const base = new ParameterSet('teacher/')
const adapters = new ParameterSet('student/')
const weights = loraWeights(base, adapters, OPTIONS)
recordUNet(weights, CONFIG)
const layout = new Layout(adapters.shapes)
const values = { base: randomWeights(base), adapters: new Random(5).normals(layout.size).map((x) => 0.1 * x) }
const { sigma, imageLatents, context, addedTimeIds, latents } = randomBatch()
const conditions = { sigma: sigma!, imageLatents: imageLatents!, context: context!, addedTimeIds: addedTimeIds! }
const frozen = new Layout(base.shapes).views(values.base, base.prefix)
const inputs = { ...conditions, x: latents! }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-lora-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** The denoiser under some weights. */
async function denoised(w: Parameters<typeof denoiserGraph>[0], feeds: Record<string, Float32Array>) {
  const program = await engine.load(lower(denoiserGraph(w, CONFIG, BATCH)))
  const result = await program.run({ ...inputs, ...feeds })
  await program.dispose()
  return result.denoised!
}

describe('a LoRA', () => {
  it('adapts linear layers and convolutions of all kinds, by their names', () => {
    const shapes = Object.fromEntries(adapters.shapes)
    const attention = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1'
    const resnet = 'down_blocks.0.resnets.0'
    expect(shapes[`${attention}.to_out.0.lora_A.weight`]).toEqual([3, 32])
    expect(shapes[`${attention}.to_out.0.lora_B.weight`]).toEqual([32, 3])
    expect(shapes[`${resnet}.spatial_res_block.conv1.lora_A.weight`]).toEqual([3, 32, 3, 3])
    expect(shapes[`${resnet}.spatial_res_block.conv1.lora_B.weight`]).toEqual([32, 3, 1, 1])
    expect(shapes[`${resnet}.temporal_res_block.conv1.lora_A.weight`]).toEqual([3, 32, 3, 1, 1])
    expect(shapes[`${resnet}.temporal_res_block.conv1.lora_B.weight`]).toEqual([32, 3, 1, 1, 1])
    expect(shapes['conv_in.lora_A.weight']).toEqual([3, 8, 3, 3])
    expect(Object.keys(shapes).filter((name) => /to_k|conv2|norm/.test(name))).toEqual([])
    expect(missingTargets(adapters, ['to_q', 'to_nowhere', 'q'])).toEqual(['to_nowhere', 'q'])
  })

  it('leaves the network as it is at its first values', async () => {
    const set = new ParameterSet('teacher/')
    const untouched = await denoised(set, frozen)
    const first = layout.views(initialAdapters(adapters, 1), adapters.prefix)
    expect(relativeError(await denoised(weights, { ...frozen, ...first }), untouched)).toBeLessThan(1e-6)
    const other = layout.views(values.adapters, adapters.prefix)
    expect(relativeError(await denoised(weights, { ...frozen, ...other }), untouched)).toBeGreaterThan(1e-2)
  })

  it('has the gradient that central differences find', async () => {
    const program = await GradientProgram.open(engine, { ...denoisingLoss(weights, CONFIG, BATCH), trained: adapters })
    const feeds = { ...frozen, ...randomBatch() }
    expect(await slopeError(program, 'loss', adapters, values.adapters, feeds, 0, 2e-3)).toBeLessThan(1e-2)
    await program.dispose()
  }, 60_000)

  it('is saved so that diffusers takes alpha = rank, and read back', async () => {
    const file = join(folder, 'saved.safetensors')
    await saveCheckpoint(file, loraTensors(layout, values.adapters, OPTIONS))
    const names = [...(await Checkpoint.open(file)).tensors.keys()]
    expect(names.every((name) => /^unet\.[\w.]+\.lora_[AB]\.weight$/.test(name))).toBe(true)
    const read = await readLora(file)
    expect(read.size).toBe(adapters.parameters.size / 2)
    const views = layout.views(values.adapters)
    for (const [module, { a, b, scale }] of read) {
      expect(a.values).toEqual(views[`${module}.lora_A.weight`])
      expect(b.values).toEqual(views[`${module}.lora_B.weight`]!.map((x) => 2 * x))
      expect(scale).toBe(1)
    }
  })
})

describe('merging', () => {
  const model = fixturePath('pipeline-tiny')
  const module = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q'
  const conv = 'down_blocks.0.resnets.0.temporal_res_block.conv1'
  const random = new Random(3)
  let unet: Checkpoint
  const tensor = (name: string, shape: number[]) => ({
    name,
    shape,
    data: random.normals(shape.reduce((a, b) => a * b, 1)).map((x) => 0.3 * x),
  })
  beforeAll(async () => {
    unet = await Checkpoint.open(join(model, 'unet'))
  })

  it('adds alpha/rank B A to the weights of linear layers and convolutions, and changes no other', async () => {
    const [q, c] = [module, conv].map((name) => unet.tensors.get(`${name}.weight`)!.shape)
    const tensors = [
      tensor(`unet.${module}.lora_A.weight`, [2, q![1]!]),
      tensor(`unet.${module}.lora_B.weight`, [q![0]!, 2]),
      // As older versions of diffusers name them.
      tensor(`unet.${conv}.lora.down.weight`, [4, ...c!.slice(1)]),
      tensor(`unet.${conv}.lora.up.weight`, [c![0]!, 4, 1, 1, 1]),
      { name: `unet.${conv}.alpha`, shape: [1], data: Float32Array.of(1) },
    ]
    const file = join(folder, 'pytorch_lora_weights.safetensors')
    await saveCheckpoint(file, tensors)
    const out = join(folder, 'merged')
    expect(await mergeLora(model, folder, out)).toBe(2)
    const merged = await Checkpoint.open(join(out, 'student'))
    for (const [name, { shape }] of unet.tensors) {
      const expected = await unet.read(name)
      const change = (a: Float32Array, b: Float32Array, rank: number, scale: number) => {
        const inner = expected.length / shape[0]!
        for (let i = 0; i < expected.length; i++)
          for (let r = 0; r < rank; r++)
            expected[i]! += scale * b[Math.floor(i / inner) * rank + r]! * a[r * inner + (i % inner)]!
      }
      if (name === `${module}.weight`) change(tensors[0]!.data, tensors[1]!.data, 2, 1)
      if (name === `${conv}.weight`) change(tensors[2]!.data, tensors[3]!.data, 4, 1 / 4)
      // The student is kept in float16: eleven bits.
      expect(relativeError(await merged.read(name), expected), name).toBeLessThan(2 ** -11)
    }
    expect(JSON.parse(await readFile(join(out, 'student', 'config.json'), 'utf8'))).toEqual(
      JSON.parse(await readFile(join(model, 'unet', 'config.json'), 'utf8')),
    )
    const index = async (of: string) => JSON.parse(await readFile(join(of, 'model_index.json'), 'utf8')) as object
    // Browsers open what the index lists.
    expect(await index(out)).toEqual({
      ...(await index(model)),
      student: ['diffusers', 'UNetSpatioTemporalConditionModel'],
    })
  })

  it('gives the network that the LoRA gives', async () => {
    const set = new ParameterSet('teacher/')
    const adapted = layout.views(values.adapters, adapters.prefix)
    const expected = await denoised(weights, { ...frozen, ...adapted })
    // The weights of the tiny UNet as a pipeline, in float16 as its student is.
    const pipeline = join(folder, 'tiny')
    const { saveComponent } = await import('../../../src/training/output/components.node.js')
    const { smokeRecipe } = await import('../support/smoke.js')
    const json = smokeRecipe('teacher').network as object
    await saveComponent(pipeline, 'unet', json, new Layout(base.shapes), values.base)
    const file = join(folder, 'tiny.safetensors')
    await saveCheckpoint(file, loraTensors(layout, values.adapters, OPTIONS))
    await mergeLora(pipeline, file, pipeline)
    const merged = await (await Checkpoint.open(join(pipeline, 'student'))).readAll()
    const feeds = Object.fromEntries([...merged].map(([name, data]) => [`teacher/${name}`, data]))
    expect(relativeError(await denoised(set, feeds), expected)).toBeLessThan(5e-3)
  })

  it.each([
    ['no_such.to_q', [2, 32], [32, 2], /adapts no_such\.to_q, which .*unet does not have/],
    [module, [2, 16], [64, 2], /but its weight in .* is \[64,64\]; merge it into its base/],
  ])('refuses a LoRA of another model: %s', async (name, a, b, message) => {
    const file = join(folder, 'foreign.safetensors')
    await saveCheckpoint(file, [tensor(`unet.${name}.lora_A.weight`, a), tensor(`unet.${name}.lora_B.weight`, b)])
    await expect(mergeLora(model, file, join(folder, 'never'))).rejects.toThrow(UserError)
    await expect(mergeLora(model, file, join(folder, 'never'))).rejects.toThrow(message)
  })

  it.each([
    ['half of a pair', 'unet.a.lora_A.weight', /has no lora_B \(or lora_up\) beside it/],
    ['other tensors', 'unet.a.weight', /is no LoRA tensor of a UNet/],
  ])('refuses a file with %s', async (_, name, message) => {
    const file = join(folder, 'odd.safetensors')
    await saveCheckpoint(file, [tensor(name, [2, 2])])
    await expect(readLora(file)).rejects.toThrow(message)
  })
})
