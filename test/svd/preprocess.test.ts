import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import type { Picture } from '../../src/media/frames.js'
import { clipInput, parsePreprocessorConfig, toFrames, vaeInput } from '../../src/svd/preprocess.js'
import { readFixture, readJson, relativeError, tensorOf } from '../support/fixture.js'

const file = 'pipeline-tiny/feature_extractor/preprocessor_config.json'
const json = readJson<Record<string, unknown>>(file)
const config = parsePreprocessorConfig(json, file)
const pipeline = readFixture('pipeline-tiny/case.safetensors.gz')
const resize = readFixture('resize/case.safetensors.gz')
const floats = (name: string): Float32Array => Float32Array.from(tensorOf(pipeline, name).data)
const image: Picture = { height: 64, width: 64, data: Uint8Array.from(tensorOf(pipeline, 'in.image').data) }

describe('clipInput', () => {
  it("is the reference's", () => {
    expect(relativeError(clipInput(image, config), floats('out.pixel_values'))).toBeLessThan(2e-5)
  })

  it('takes the size that it is told', () => {
    expect(clipInput(image, { ...config, size: { height: 5, width: 8 } }).length).toBe(3 * 5 * 8)
  })
})

describe('vaeInput', () => {
  it("is the reference's, before noise", () => {
    const noise = floats('in.image_noise')
    const noisy = vaeInput(image, { height: 64, width: 64 }).map((value, i) => value + 0.02 * noise[i]!)
    expect(relativeError(noisy, floats('out.vae_input'))).toBeLessThan(1e-6)
  })

  it.each([0, 1, 2])('resizes as the reference, case %i', (i) => {
    const { shape, data } = tensorOf(resize, `lanczos${i}.in`)
    const expected = tensorOf(resize, `lanczos${i}.preprocessed`)
    const source = { height: shape[0]!, width: shape[1]!, data: Uint8Array.from(data) }
    const input = vaeInput(source, { height: expected.shape[2]!, width: expected.shape[3]! })
    expect(relativeError(input, expected.data)).toBeLessThan(1e-6)
  })
})

describe('toFrames', () => {
  it.each([2, 25])("makes the reference's bytes of its decoded frames, %i steps", (steps) => {
    // The reference keeps them as (1, 3, frames, height, width).
    const raw = floats(`steps${steps}.frames_raw`)
    const pixels = 64 * 64
    const decoded = Float32Array.from(raw, (_, i) => {
      const [frame, channel] = [Math.floor(i / (3 * pixels)), Math.floor(i / pixels) % 3]
      return raw[(channel * 6 + frame) * pixels + (i % pixels)]!
    })
    const frames = toFrames(decoded, { height: 64, width: 64 })
    expect({ ...frames, data: 0 }).toEqual({ width: 64, height: 64, count: 6, data: 0 })
    expect(relativeError(frames.data, tensorOf(pipeline, `steps${steps}.frames_u8`).data)).toBe(0)
  })

  it('clamps, rounds half to even, and puts the channels last', () => {
    // Two pixels, red, green and blue in turn; 0 comes to 127.5 and -2/255 to 126.5.
    const decoded = Float32Array.of(-3, 0, 7, -1, 1, -2 / 255)
    expect([...toFrames(decoded, { height: 1, width: 2 }).data]).toEqual([0, 255, 255, 128, 0, 126])
  })

  it('refuses a number of values that is no whole number of frames', () => {
    expect(() => toFrames(new Float32Array(7), { height: 1, width: 2 })).toThrow(RangeError)
  })
})

describe('parsePreprocessorConfig', () => {
  it('takes the size, the mean and the deviation', () => {
    expect(config.size).toEqual({ height: 224, width: 224 })
    expect([config.mean, config.std]).toEqual([json.image_mean, json.image_std])
    expect([config.mean, config.std]).toEqual([
      [0.48145466, 0.4578275, 0.40821073],
      [0.26862954, 0.26130258, 0.27577711],
    ])
    expect(parsePreprocessorConfig({ ...json, crop_size: 112 }, file).size).toEqual({ height: 112, width: 112 })
  })

  it("takes SVD's", () => {
    const svd = 'svd-manifest/feature_extractor/preprocessor_config.json'
    expect(parsePreprocessorConfig(readJson(svd), svd)).toEqual(config)
  })

  it('takes what the processors of transformers 4.57 and 5.24 save', () => {
    const pil = { ...json, image_processor_type: 'CLIPImageProcessorPil', feature_extractor_type: undefined }
    const none = { device: null, disable_grouping: null, do_pad: null, input_data_format: null, pad_size: null }
    const fast = { ...none, data_format: 'channels_first', default_to_square: false, return_tensors: null }
    const named = { ...json, ...fast, image_processor_type: 'CLIPImageProcessorFast', processor_class: null }
    for (const saved of [pil, named]) expect(parsePreprocessorConfig(saved, file)).toEqual(config)
  })

  it.each([
    ['crop_size', { shortest_edge: 224 }],
    ['crop_size', 0],
    ['image_mean', [0.5]],
    ['image_std', [1, 1, 0]],
    ['image_processor_type', 'ViTImageProcessor'],
    ['do_pad', true],
  ])('refuses %s = %j by name', (field, value) => {
    const parse = (): unknown => parsePreprocessorConfig({ ...json, [field]: value }, file)
    expect(parse).toThrow(UserError)
    expect(parse).toThrow(`${file}: field ${field}`)
  })

  it('asks for the fields that it needs', () => {
    for (const field of ['crop_size', 'image_mean', 'image_std']) {
      const rest = Object.fromEntries(Object.entries(json).filter(([name]) => name !== field))
      expect(() => parsePreprocessorConfig(rest, file)).toThrow(`field ${field} is not valid`)
    }
  })
})
