import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unet } from '../../../src/models/unet/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { loraWeights } from '../../../src/nn/lora.js'
import { loraTensors } from '../../../src/training/lora/lora.js'
import { mergeLora } from '../../../src/training/lora/merge-lora.node.js'
import { Layout } from '../../../src/training/trainer/parameters.js'
import { readLora } from '../../../src/training/lora/read-lora.node.js'
import { Checkpoint, saveCheckpoint } from '../../../src/weights/checkpoint.node.js'
import { expectClose, feedsOf, openFed, shapesOf, valuesOf } from '../../models/support.js'
import { unetCase } from '../../models/unet-support.js'
import { fixturePath, readFixture } from '../../support/fixture.js'

const OPTIONS = { rank: 2, alpha: 3, targets: ['to_q', 'to_k', 'to_v', 'to_out.0', 'conv1', 'conv2'] }
const LIMIT = 5e-5

const lora = readFixture('lora-tiny/pytorch_lora_weights.safetensors')
const weights = readFixture('pipeline-tiny/unet/diffusion_pytorch_model.safetensors')
const { inputs, config, sample, tensors } = unetCase('unet-tiny', 'case')
const expected = valuesOf(readFixture('lora-tiny/case.safetensors'), 'out.sample')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-lora-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('a LoRA that diffusers saved by PEFT', () => {
  it('has the names and shapes that are trained here', () => {
    const adapters = new ParameterSet('student/')
    unet(loraWeights(new ParameterSet('teacher/'), adapters, OPTIONS), config, inputs)
    const layout = new Layout(adapters.shapes)
    const saved = [...loraTensors(layout, new Float32Array(layout.size), OPTIONS)]
    const ours = new Map(saved.map(({ name, shape }) => [name.replace(/^unet\./, ''), shape]))
    expect(new Map([...ours].sort())).toEqual(new Map([...shapesOf(lora)].sort()))
  })

  it('gives in the graph of training what it gives in diffusers, alpha other than rank', async () => {
    const adapters = new ParameterSet('lora/')
    const output = unet(loraWeights(new ParameterSet(), adapters, OPTIONS), config, inputs)
    const program = await openFed({ out: output })
    const fed = Object.fromEntries([...lora].map(([name, { data }]) => [`lora/${name}`, data as Float32Array]))
    const { out } = await program.run({ ...feedsOf(weights, tensors), ...fed })
    await program.dispose()
    expectClose(out, expected, LIMIT)
  })

  it('gives merged what it gives in diffusers', async () => {
    const out = join(folder, 'merged')
    expect(await mergeLora(fixturePath('pipeline-tiny'), fixturePath('lora-tiny'), out, 'F32')).toBe(lora.size / 2)
    const merged = await (await Checkpoint.open(join(out, 'student'))).readAll()
    const program = await openFed({ out: sample })
    const result = await program.run({ ...feedsOf(tensors), ...Object.fromEntries(merged) })
    await program.dispose()
    expectClose(result.out, expected, LIMIT)
  })
})

describe('the scale of a LoRA', () => {
  const pair = [
    { name: 'unet.a.to_q.lora_A.weight', shape: [4, 2], data: new Float32Array(8) },
    { name: 'unet.a.to_q.lora_B.weight', shape: [2, 4], data: new Float32Array(8) },
  ]
  const scaleUnder = async (metadata: object | string) => {
    const file = join(folder, 'scaled.safetensors')
    const text = typeof metadata === 'string' ? metadata : JSON.stringify(metadata)
    await saveCheckpoint(file, pair, { metadata: { lora_adapter_metadata: text } })
    return (await readLora(file)).get('a.to_q')?.scale
  }

  it.each([
    ['alpha over rank', { lora_alpha: 6 }, 1.5],
    ['a module’s own alpha', { 'unet.lora_alpha': 6, 'unet.alpha_pattern': { to_q: 2 } }, 0.5],
    ['the root of the rank where it is rank-stabilised', { lora_alpha: 6, use_rslora: true }, 3],
  ])('follows from PEFT’s metadata: %s', async (_, metadata, scale) => {
    expect(await scaleUnder(metadata)).toBe(scale)
  })

  it.each([
    ['DoRA', { lora_alpha: 6, use_dora: true }, /use_dora.*merge it with PEFT/],
    ['another method', { lora_alpha: 6, peft_type: 'LOHA' }, /peft_type is "LOHA".*merge it with PEFT/],
    ['a changed base', { lora_alpha: 6, init_lora_weights: 'pissa' }, /init_lora_weights is "pissa".*with PEFT/],
    ['a method of its own', { lora_alpha: 6, kasa_config: { a: 1 } }, /kasa_config is .*merge it with PEFT/],
    [
      'a pattern that is none',
      { lora_alpha: 6, alpha_pattern: { '(': 1 } },
      /alpha_pattern has \(, which is no regular/,
    ],
    ['no configuration', '{}', /no LoraConfig of PEFT/],
    ['no JSON', '{', /is not valid JSON/],
  ])('is refused for %s', async (_, metadata, message) => {
    await expect(scaleUnder(metadata)).rejects.toThrow(message)
  })
})
