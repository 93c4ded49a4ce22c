import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { mergeLora } from '../../../src/training/lora/merge-lora.node.js'
import { readLora } from '../../../src/training/lora/read-lora.node.js'
import { Checkpoint, saveCheckpoint } from '../../../src/weights/checkpoint.node.js'
import { fixturePath } from '../../support/fixture.js'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sfv-lora-formats-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A file of tensors by their shapes, of value 1; alphas are scalars. */
async function save(file: string, shapes: Record<string, readonly number[]>, alpha = 1): Promise<string> {
  const path = join(folder, file)
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    ...{ name, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(shape.length === 0 ? alpha : 1) },
  }))
  await saveCheckpoint(path, tensors)
  return path
}

const pair = (a: string, b: string, rank = 2) => ({ [a]: [rank, 4], [b]: [4, rank] })

describe("PEFT's own folder", () => {
  // As PEFT 0.21.2 saves it for such a module tree, and the scale and rank that it then has for each module.
  const config = {
    ...{
      alpha_pattern: { '^to_q': 10, 'attn2.*': 6, 'down_blocks\\.(0|10)\\.attn1\\.to_q': 16, k: 99, 'to_out.0': 2 },
    },
    ...{ rank_pattern: { 'down_blocks\\.1\\..*to_k': 8 }, r: 2, lora_alpha: 4, peft_type: 'LORA', bias: 'none' },
    ...{ fan_in_fan_out: false, init_lora_weights: true, loftq_config: {}, use_dora: false, use_rslora: false },
    ...{ eva_config: null, megatron_core: 'megatron.core', target_modules: ['to_out.0', 'to_k', 'to_q'] },
  }
  const reference: Record<string, [scale: number, rank: number]> = {
    to_q: [5, 2],
    'down_blocks.0.attn1.to_q': [8, 2],
    'down_blocks.1.attn1.to_q': [2, 2],
    'down_blocks.10.attn1.to_q': [8, 2],
    'down_blocks.0.attn2.to_q': [3, 2],
    'down_blocks.1.attn1.to_k': [0.5, 8],
    'down_blocks.1.attn2.to_k': [0.75, 8],
    'down_blocks.0.attn1.to_out.0': [1, 2],
    'down_blocks.2.attn1.to_k': [2, 2],
  }
  const shapes = Object.assign(
    {},
    ...Object.entries(reference).map(([module, [, rank]]) => {
      const name = `base_model.model.${module}`
      return pair(`${name}.lora_A.weight`, `${name}.lora_B.weight`, rank)
    }),
  ) as Record<string, number[]>

  it('is scaled as PEFT does, whose patterns are regular expressions', async () => {
    await save('adapter_model.safetensors', shapes)
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config))
    for (const path of [folder, join(folder, 'adapter_model.safetensors')]) {
      const adapters = await readLora(path)
      expect(Object.fromEntries([...adapters].map(([module, { a, scale }]) => [module, [scale, a.shape[0]]]))).toEqual(
        reference,
      )
    }
  })

  it('is not taken without its configuration', async () => {
    await save('adapter_model.safetensors', shapes)
    await expect(readLora(folder)).rejects.toThrow(
      /saved, but its adapter_config.json, which has its alpha, is not beside/,
    )
    await rm(join(folder, 'adapter_model.safetensors'))
    await writeFile(join(folder, 'adapter_model.bin'), '')
    await expect(readLora(folder)).rejects.toThrow(/but adapter_model.bin, a format that sfv does not read/)
  })
})

describe('names', () => {
  const modules = ['a.b_c.to_q', 'a.to_out.0', 'conv_in']
  it.each([
    ['PEFT', pair('a.to_out.0.lora_A.weight', 'a.to_out.0.lora_B.weight'), 'a.to_out.0'],
    ['a pipeline', pair('unet.a.to_out.0.lora_A.weight', 'unet.a.to_out.0.lora_B.weight'), 'a.to_out.0'],
    ['a kept adapter', pair('a.to_out.0.lora_A.mine.weight', 'a.to_out.0.lora_B.mine.weight'), 'a.to_out.0'],
    ['torch.compile', pair('_orig_mod.a.b_c.to_q.lora_A.weight', '_orig_mod.a.b_c.to_q.lora_B.weight'), 'a.b_c.to_q'],
    ['diffusers 0.20', pair('unet.a.b_c.to_q.lora.down.weight', 'unet.a.b_c.to_q.lora.up.weight'), 'a.b_c.to_q'],
    [
      'attention processors',
      pair('a.processor.to_out_lora.down.weight', 'a.processor.to_out_lora.up.weight'),
      'a.to_out.0',
    ],
    ['kohya-ss', pair('lora_unet_a_b_c_to_q.lora_down.weight', 'lora_unet_a_b_c_to_q.lora_up.weight'), 'a.b_c.to_q'],
  ])('of %s are read', async (_, shapes, module) => {
    const adapters = await readLora(await save('lora.safetensors', shapes), modules)
    expect([...adapters.keys()]).toEqual([module])
    expect(adapters.get(module)).toMatchObject({ a: { shape: [2, 4] }, b: { shape: [4, 2] }, scale: 1 })
  })

  it('of kohya-ss have their alpha beside them', async () => {
    const name = 'lora_unet_a_to_out_0'
    const shapes = { ...pair(`${name}.lora_down.weight`, `${name}.lora_up.weight`), [`${name}.alpha`]: [] }
    const adapters = await readLora(await save('lora.safetensors', shapes, 6), modules)
    expect(adapters.get('a.to_out.0')!.scale).toBe(3)
  })

  it.each([
    ['lora_unet_a_b_to_q', /adapts a_b_to_q, in the names of kohya-ss, which is no module of the UNet/],
    ['lora_unet_input_blocks_1_1_to_q', /a module of Stability AI's own UNet; save it with the names of diffusers/],
  ])('of kohya-ss that are not of this UNet are named: %s', async (name, message) => {
    const path = await save('lora.safetensors', pair(`${name}.lora_down.weight`, `${name}.lora_up.weight`))
    await expect(readLora(path, modules)).rejects.toThrow(message)
  })

  it.each([
    ['conv_in.lora_magnitude_vector', /is of DoRA, which is more than a low-rank sum/],
    ['lora_unet_a_to_q.hada_w1_a', /is of LoHa of LyCORIS/],
    ['lora_unet_a_to_q.lokr_w1', /is of LoKr of LyCORIS/],
    ['lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight', /adapts a text encoder/],
    ['conv_in.weight', /is no LoRA tensor of a UNet; expected names of diffusers, PEFT or kohya-ss/],
  ])('of other updates are refused: %s', async (name, message) => {
    const path = await save('lora.safetensors', { [name]: [2, 4] })
    await expect(readLora(path, modules)).rejects.toThrow(UserError)
    await expect(readLora(path, modules)).rejects.toThrow(message)
  })

  it('are of one adapter, each once', async () => {
    const two = { ...pair('a.lora_A.x.weight', 'a.lora_B.x.weight'), ...pair('a.lora_A.y.weight', 'a.lora_B.y.weight') }
    await expect(readLora(await save('two.safetensors', two))).rejects.toThrow(/several adapters \(x, y\); save one/)
    const twice = { ...pair('a.lora_A.weight', 'a.lora_B.weight'), ...pair('a.lora.down.weight', 'a.lora.up.weight') }
    await expect(readLora(await save('twice.safetensors', twice))).rejects.toThrow(/one tensor in two formats/)
  })
})

it('a LoRA in the names of kohya-ss changes the very weights that it names', async () => {
  const model = fixturePath('pipeline-tiny')
  const module = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q'
  const flat = `lora_unet_${module.replaceAll('.', '_')}`
  const lora = await save('lora.safetensors', {
    [`${flat}.lora_down.weight`]: [2, 64],
    [`${flat}.lora_up.weight`]: [64, 2],
    [`${flat}.alpha`]: [],
  })
  const out = join(folder, 'out')
  await mkdir(out)
  expect(await mergeLora(model, lora, out, 'F32')).toBe(1)
  const [before, after] = [await Checkpoint.open(join(model, 'unet')), await Checkpoint.open(join(out, 'student'))]
  for (const name of before.tensors.keys()) {
    const added = name === `${module}.weight` ? 1 : 0
    // Rows of two ones times alpha/rank.
    expect(await after.read(name)).toEqual((await before.read(name)).map((value) => value + added))
  }
})
