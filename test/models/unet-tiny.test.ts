import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unetEncoder } from '../../src/models/unet/index.js'
import { type Program } from '../../src/runtime/program.js'
import { readFixture, relativeError } from '../support/fixture.js'
import {
  expectClose,
  expectGradients,
  expectSampledGradients,
  feedsOf,
  openFed,
  openStored,
  sampleOf,
  scaledWeights,
  shapesOf,
  valuesOf,
} from './support.js'
import { parameterGradients, trainingOutputs, unetCase } from './unet-support.js'

const FOLDER = 'unet-tiny'
const WEIGHTS = 'pipeline-tiny/unet/diffusion_pytorch_model.safetensors'
const OUTPUT_LIMIT = 5e-5

const weights = readFixture(WEIGHTS)
const one = unetCase(FOLDER, 'case')
const scaled = scaledWeights(weights, `${FOLDER}/case-eps.json`)
const scaledOutput = valuesOf(readFixture(`${FOLDER}/case-eps.safetensors`), 'out.sample')

it('has the parameters of the reference', () => {
  expect(one.parameters.shapes).toEqual(shapesOf(weights))
  expect(one.parameters.count).toBe(1_308_432)
})

describe('in inference', () => {
  it('gives the reference output, weights from the checkpoint file', async () => {
    const program = await openStored({ out: one.sample }, WEIGHTS)
    const { out } = await program.run(feedsOf(one.tensors))
    await program.dispose()
    expectClose(out, valuesOf(one.tensors, 'out.sample'), OUTPUT_LIMIT)
    // Old diffusers gave pixels the context of another batch element.
    const wrong = readFixture(`${FOLDER}/case-diffusers-0.27.2.safetensors`)
    expect(relativeError(out!, valuesOf(wrong, 'out.sample'))).toBeGreaterThan(0.1)
  })

  it('has the epsilons of the reference', async () => {
    const program = await openFed({ out: one.sample })
    const { out } = await program.run(feedsOf(one.tensors, scaled))
    await program.dispose()
    expectClose(out, scaledOutput, OUTPUT_LIMIT)
  })

  it('hands on the hidden states of the reference', async () => {
    const { blocks, hidden, skips, conditioning } = unetEncoder(one.parameters, one.config, one.inputs)
    const [block0, block1] = blocks
    const [convIn, , downsampled] = skips
    const { embedding } = conditioning
    const outputs = { convIn: convIn!, block0: block0!, downsampled: downsampled!, block1: block1!, hidden, embedding }
    const program = await openFed(outputs)
    const results = await program.run(feedsOf(one.tensors, weights))
    await program.dispose()
    // 128 entries of each, of the first of the two videos.
    const trace = readFixture(`${FOLDER}/trace-sampled.safetensors`)
    const expectTrace = (name: keyof typeof outputs, module: string) => {
      const video = results[name]!.subarray(0, outputs[name].size / 2)
      expectClose(sampleOf(video), valuesOf(trace, `trace.${module}#sample`), OUTPUT_LIMIT)
    }
    expectTrace('convIn', 'conv_in')
    expectTrace('block0', 'down_blocks.0.attentions.0')
    expectTrace('downsampled', 'down_blocks.0')
    expectTrace('block1', 'down_blocks.1')
    expectTrace('hidden', 'down_blocks.1')
    const sums = valuesOf(trace, 'trace.time_embedding#sample').map(
      (t, i) => t + valuesOf(trace, 'trace.add_embedding#sample')[i]!,
    )
    const silu = sums.map((x) => x / (1 + Math.exp(-x)))
    expectClose(results.embedding!.subarray(0, silu.length), silu, OUTPUT_LIMIT)
  })
})

describe('in training', () => {
  let program: Program
  let results: Record<string, Float32Array>
  beforeAll(async () => {
    program = await openFed(trainingOutputs(one), true)
    results = await program.run(feedsOf(one.tensors, weights))
  })
  afterAll(() => program.dispose())

  it('gives the reference output and loss', () => {
    expectClose(results.out, valuesOf(one.tensors, 'out.sample'), OUTPUT_LIMIT)
    expectClose(results.loss, valuesOf(one.tensors, 'out.loss'), OUTPUT_LIMIT)
  })

  it('has the epsilons of the reference', async () => {
    expectClose((await program.run(feedsOf(one.tensors, scaled))).out, scaledOutput, OUTPUT_LIMIT)
  })

  it('gives the reference gradient of every parameter', () => {
    expectSampledGradients(parameterGradients(one, results), readFixture(`${FOLDER}/grads-sampled.safetensors.gz`))
  })

  it.each(['grad.sample', 'grad.encoder_hidden_states'])('gives the reference %s', (name) => {
    expectGradients(results, new Map([[name, one.tensors.get(name)!]]))
  })
})

describe('with three context tokens', () => {
  const three = unetCase(FOLDER, 'case-tokens3')

  it('gives the reference output in inference', async () => {
    const program = await openFed({ out: three.sample })
    const { out } = await program.run(feedsOf(three.tensors, weights))
    await program.dispose()
    expectClose(out, valuesOf(three.tensors, 'out.sample'), OUTPUT_LIMIT)
  })

  it('gives the reference output, loss and gradients of the cross-attentions in training', async () => {
    const program = await openFed(trainingOutputs(three), true)
    const results = await program.run(feedsOf(three.tensors, weights))
    await program.dispose()
    expectClose(results.out, valuesOf(three.tensors, 'out.sample'), OUTPUT_LIMIT)
    expectClose(results.loss, valuesOf(three.tensors, 'out.loss'), OUTPUT_LIMIT)
    expectGradients(
      Object.fromEntries(parameterGradients(three, results)),
      readFixture(`${FOLDER}/grads-tokens3.safetensors.gz`),
    )
    for (const name of ['grad.sample', 'grad.encoder_hidden_states'])
      expectGradients(results, new Map([[name, three.tensors.get(name)!]]))
  })
})
