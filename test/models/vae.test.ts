import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concat, input, slice } from '../../src/graph/ops/index.js'
import { parseVaeConfig, posterior, vaeDecoder, vaeEncoder } from '../../src/models/vae/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { type Program } from '../../src/runtime/program.js'
import { readFixture, readJson } from '../support/fixture.js'
import { expectClose, feedsOf, inputsOf, openFed, openStored, scaledWeights, shapesOf, valuesOf } from './support.js'

const WEIGHTS = 'pipeline-tiny/vae/diffusion_pytorch_model.safetensors'
const LIMIT = 5e-5

const config = parseVaeConfig(readJson('vae-tiny/config.json'), 'vae-tiny/config.json')
const { num_frames: frames, chunk } = readJson<{ num_frames: number; chunk: number }>('vae-tiny/case.json')
const weights = readFixture(WEIGHTS)
const tensors = readFixture('vae-tiny/case.safetensors.gz')
const expected = (name: string) => valuesOf(tensors, `out.${name}`)

const { image, latents } = inputsOf(tensors)
const parameters = new ParameterSet()
const { mean, logVariance } = vaeEncoder(parameters, config, image!)
const moments = concat([mean, logVariance], 1)
const { logVariance: clamped, deviation } = posterior({ mean, logVariance })
const decoded = vaeDecoder(parameters, config, latents!, frames)

it('has the parameters of the reference', () => {
  expect(parameters.shapes).toEqual(shapesOf(weights))
  expect(parameters.count).toBe(1_118_300)
})

describe('with the reference weights', () => {
  let results: Record<string, Float32Array>
  beforeAll(async () => {
    const alone = vaeDecoder(parameters, config, latents!, 1)
    // The first video, cut as decode_chunk_size cuts it.
    const firstChunk = vaeDecoder(parameters, config, slice(latents!, 0, 0, chunk), chunk)
    const secondChunk = vaeDecoder(parameters, config, slice(latents!, 0, chunk, frames), frames - chunk)
    const chunked = concat([firstChunk, secondChunk], 0)
    const program = await openStored({ mean, moments, clamped, deviation, decoded, alone, chunked }, WEIGHTS)
    results = await program.run(feedsOf(tensors))
    await program.dispose()
  })

  it('encodes to the reference moments and mean', () => {
    expectClose(results.moments, expected('moments'), LIMIT)
    expectClose(results.mean, expected('mean'), LIMIT)
  })

  it('has the clamped log variance and the deviation of the reference', () => {
    expectClose(results.clamped, expected('logvar'), LIMIT)
    expectClose(results.deviation, expected('std'), LIMIT)
  })

  it('decodes two videos of three frames', () => expectClose(results.decoded, expected('decoded'), LIMIT))
  it('decodes each frame by itself', () => expectClose(results.alone, expected('decoded_frames1'), LIMIT))
  it('decodes a video in chunks', () => expectClose(results.chunked, expected('decoded_chunked'), LIMIT))
})

describe.each([false, true])('with small activations, lowered for training: %s', (training) => {
  let program: Program
  beforeAll(async () => {
    program = await openFed({ moments, decoded }, training)
  })
  afterAll(() => program.dispose())

  it('has the epsilons of the reference', async () => {
    const results = await program.run(feedsOf(tensors, scaledWeights(weights, 'vae-tiny/case-eps.json')))
    const scaled = readFixture('vae-tiny/case-eps.safetensors.gz')
    expectClose(results.moments, valuesOf(scaled, 'out.moments'), LIMIT)
    expectClose(results.decoded, valuesOf(scaled, 'out.decoded'), LIMIT)
  })
})

it('clamps the log variance to -30 and 20', async () => {
  const logVariance = input('v', [4])
  const at = posterior({ mean: logVariance, logVariance })
  const program = await openFed({ clamped: at.logVariance, deviation: at.deviation }, false)
  const results = await program.run({ v: Float32Array.of(-1e9, -29.5, 19.5, 1e9) })
  expect([...results.clamped!]).toEqual([-30, -29.5, 19.5, 20])
  expectClose(
    results.deviation,
    Float32Array.of(-30, -29.5, 19.5, 20).map((v) => Math.exp(v / 2)),
    1e-6,
  )
  await program.dispose()
})

describe('sizes', () => {
  it('of odd pictures are halved downwards', () => {
    const { mean } = vaeEncoder(new ParameterSet(), config, input('odd', [1, 3, 43, 25]))
    expect(mean.shape).toEqual([1, 4, 10, 6])
  })

  it('of decoded frames are the factor times those of the latents', () => {
    expect(config.factor).toBe(4)
    expect(vaeDecoder(new ParameterSet(), config, input('z', [2, 4, 5, 3]), 2).shape).toEqual([2, 3, 20, 12])
  })
})

it('has the unused weights of the reference with other numbers of layers', () => {
  const decoderMid = (layersPerBlock: number) => {
    const recorded = new ParameterSet()
    vaeDecoder(recorded, { ...config, layersPerBlock }, input('z', [1, 4, 4, 4]), 1)
    const names = [...recorded.parameters.keys()].map((name) => /^decoder\.mid_block\.(\w+\.\d)\./.exec(name)?.[1])
    return [...new Set(names.filter((name) => name !== undefined))].sort()
  }
  expect(decoderMid(1)).toEqual(['attentions.0', 'resnets.0'])
  expect(decoderMid(2)).toEqual(['attentions.0', 'resnets.0', 'resnets.1'])
  expect(decoderMid(3)).toEqual(['attentions.0', 'resnets.0', 'resnets.1', 'resnets.2'])
})
