import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { parseClipVisionConfig } from '../../src/models/clip/index.js'
import { parseUNetConfig } from '../../src/models/unet/index.js'
import { parseVaeConfig } from '../../src/models/vae/index.js'
import { readJson } from '../support/fixture.js'

type Json = Record<string, unknown>
type Parse = (json: unknown, file: string) => unknown

const FILE = 'model/config.json'

/** A configuration that is read, the changes that are refused, and what the refusal says after the file's name. */
function refuses(parse: Parse, good: Json, changes: [Json, string][]): void {
  it('reads the reference file', () => {
    expect(parse(good, FILE)).toBeTypeOf('object')
  })

  it.each(changes)('%j: %s', (change, message) => {
    const make = () => parse({ ...good, ...change }, FILE)
    expect(make).toThrow(UserError)
    expect(make).toThrow(`${FILE}: ${message}`)
  })

  it('refuses what is not an object', () => {
    for (const json of [null, [], 'unet', 3])
      expect(() => parse(json, FILE)).toThrow(`${FILE}: is not a JSON object; expected the configuration of`)
  })
}

describe('the UNet', () => {
  const good = readJson<Json>('unet-tiny/config.json')
  refuses(parseUNetConfig, good, [
    [
      { dual_cross_attention: true },
      'field dual_cross_attention is not one that UNetSpatioTemporalConditionModel here',
    ],
    [
      { _class_name: 'UNet2DConditionModel' },
      'field _class_name is UNet2DConditionModel; expected UNetSpatioTemporalConditionModel',
    ],
    [{ block_out_channels: [32, 48] }, 'field block_out_channels.1 is not valid: '],
    [{ block_out_channels: undefined }, 'field block_out_channels is not valid: '],
    [{ block_out_channels: [32, 64, 64] }, 'field down_block_types has 2 entries for 3 blocks'],
    [{ up_block_types: ['UpBlockSpatioTemporal'] }, 'field up_block_types has 1 entries for 2 blocks'],
    [{ down_block_types: ['DownBlock2D', 'DownBlock2D'] }, 'field down_block_types.0 is not valid: '],
    [{ num_attention_heads: [1, 2, 2] }, 'field num_attention_heads has 3 entries for 2 blocks'],
    [{ num_attention_heads: [3, 2] }, 'field num_attention_heads 3 does not divide 32 channels'],
    [{ layers_per_block: [1] }, 'field layers_per_block has 1 entries for 2 blocks'],
    [{ cross_attention_dim: [32] }, 'field cross_attention_dim has 1 entries for 2 blocks'],
    [{ transformer_layers_per_block: [1, 1, 1] }, 'field transformer_layers_per_block has 3 entries for 2 blocks'],
    [{ in_channels: 0 }, 'field in_channels is not valid: '],
    [{ num_frames: 'many' }, 'field num_frames is not valid: '],
    [
      { projection_class_embeddings_input_dim: 64 },
      'field projection_class_embeddings_input_dim is not 3 addition_time_embed_dim',
    ],
  ])

  it('passes over what EMAModel of diffusers notes', () => {
    const notes = {
      decay: 0.9999,
      inv_gamma: 1,
      min_decay: 0,
      optimization_step: 7,
      power: 0.66,
      use_ema_warmup: false,
    }
    expect(parseUNetConfig({ ...good, ...notes, update_after_step: 0 }, FILE)).toEqual(parseUNetConfig(good, FILE))
  })

  it('takes one number for all blocks where a list may stand', () => {
    const lists = { num_attention_heads: [2, 2], layers_per_block: [1, 1], cross_attention_dim: [32, 32] }
    const numbers = { num_attention_heads: 2, layers_per_block: 1, cross_attention_dim: 32 }
    expect(parseUNetConfig({ ...good, ...numbers }, FILE)).toEqual(parseUNetConfig({ ...good, ...lists }, FILE))
  })

  it('mirrors the blocks on the way up, with one layer more', () => {
    const { down, mid, up } = parseUNetConfig(readJson('svd-manifest/unet/config.json'), FILE)
    expect(down.map(({ channels, layers, attention, heads }) => [channels, layers, attention, heads])).toEqual([
      [320, 2, true, 5],
      [640, 2, true, 10],
      [1280, 2, true, 20],
      [1280, 2, false, 20],
    ])
    expect([mid.channels, mid.attention, mid.heads]).toEqual([1280, true, 20])
    expect(up.map(({ channels, layers, attention, heads }) => [channels, layers, attention, heads])).toEqual([
      [1280, 3, false, 20],
      [1280, 3, true, 20],
      [640, 3, true, 10],
      [320, 3, true, 5],
    ])
  })
})

describe('the VAE', () => {
  it('has the first side of a list as its size', () => {
    const config = { ...readJson<Json>('vae-tiny/config.json'), sample_size: [96, 64] }
    expect((parseVaeConfig(config, FILE) as { sampleSize: number }).sampleSize).toBe(96)
  })

  refuses(parseVaeConfig, readJson('vae-tiny/config.json'), [
    [{ norm_group_count: 32 }, 'field norm_group_count is not one that AutoencoderKLTemporalDecoder here supports'],
    [{ _class_name: 'AutoencoderKL' }, 'field _class_name is AutoencoderKL; expected AutoencoderKLTemporalDecoder'],
    [{ block_out_channels: [32, 64] }, 'field down_block_types has 3 entries for 2 blocks'],
    [{ block_out_channels: [] }, 'field block_out_channels is not valid: '],
    [{ norm_num_groups: 24 }, 'field block_out_channels has 32, which is not a multiple of 24'],
    [{ layers_per_block: 1.5 }, 'field layers_per_block is not valid: '],
    [{ scaling_factor: 0 }, 'field scaling_factor is not valid: '],
    [{ force_upcast: 'no' }, 'field force_upcast is not valid: '],
    [{ sample_size: [] }, 'field sample_size is not valid: '],
  ])
})

describe('the image encoder', () => {
  const good = readJson<Json>('clip-vision-tiny-gelu/config.json')
  refuses(parseClipVisionConfig, good, [
    [{ rope_theta: 1 }, 'field rope_theta is not one that CLIPVisionModelWithProjection here supports; remove it'],
    [{ hidden_act: 'gelu_new' }, 'field hidden_act is not valid: '],
    [{ num_attention_heads: 5 }, 'field num_attention_heads 5 does not divide hidden_size'],
    [{ attention_dropout: 0.1 }, 'field attention_dropout is not valid: '],
    [{ model_type: 'siglip_vision_model' }, 'field model_type is not valid: '],
    [{ layer_norm_eps: -1 }, 'field layer_norm_eps is not valid: '],
  ])

  it('passes over notes on how the checkpoint was made', () => {
    const notes = { transformers_version: '9', torch_dtype: 'float16', _name_or_path: 'elsewhere', return_dict: true }
    expect(parseClipVisionConfig({ ...good, ...notes }, FILE)).toEqual(parseClipVisionConfig(good, FILE))
  })
})
