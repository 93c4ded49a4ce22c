import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Program } from '../../src/runtime/program.js'
import { readFixture } from '../support/fixture.js'
import {
  expectClose,
  expectGradients,
  expectSampledGradients,
  feedsOf,
  openFed,
  scaledWeights,
  shapesOf,
  valuesOf,
} from './support.js'
import { parameterGradients, trainingOutputs, unetCase } from './unet-support.js'

// SVD's own block layout.
const FOLDER = 'unet-tiny-4block'
const OUTPUT_LIMIT = 5e-5

const weights = readFixture(`${FOLDER}/diffusion_pytorch_model.safetensors.gz`)
const one = unetCase(FOLDER, 'case')
const plain = feedsOf(one.tensors, weights)
const scaled = feedsOf(one.tensors, scaledWeights(weights, `${FOLDER}/case-eps.json`))
const output = valuesOf(one.tensors, 'out.sample')
const scaledOutput = valuesOf(readFixture(`${FOLDER}/case-eps.safetensors.gz`), 'out.sample')

it('has the parameters of the reference', () => {
  expect(one.parameters.shapes).toEqual(shapesOf(weights))
  expect(one.parameters.count).toBe(2_478_684)
})

it('gives the reference output in inference, with the epsilons of the reference', async () => {
  const program = await openFed({ out: one.sample })
  expectClose((await program.run(plain)).out, output, OUTPUT_LIMIT)
  expectClose((await program.run(scaled)).out, scaledOutput, OUTPUT_LIMIT)
  await program.dispose()
})

describe('in training', () => {
  let program: Program
  let results: Record<string, Float32Array>
  beforeAll(async () => {
    program = await openFed(trainingOutputs(one), true)
    results = await program.run(plain)
  }, 120_000)
  afterAll(() => program.dispose())

  it('gives the reference output and loss', () => {
    expectClose(results.out, output, OUTPUT_LIMIT)
    expectClose(results.loss, valuesOf(one.tensors, 'out.loss'), OUTPUT_LIMIT)
  })

  it('has the epsilons of the reference', async () => {
    expectClose((await program.run(scaled)).out, scaledOutput, OUTPUT_LIMIT)
  })

  it('gives the reference gradient of every parameter', () => {
    expectSampledGradients(parameterGradients(one, results), readFixture(`${FOLDER}/grads-sampled.safetensors.gz`))
  })

  it.each(['grad.sample', 'grad.encoder_hidden_states'])('gives the reference %s', (name) => {
    expectGradients(results, new Map([[name, one.tensors.get(name)!]]))
  })
})
