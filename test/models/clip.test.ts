import { describe, expect, it } from 'vitest'
import { input } from '../../src/graph/ops/index.js'
import { clipVision, parseClipVisionConfig } from '../../src/models/clip/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { readFixture, readJson } from '../support/fixture.js'
import { expectClose, feedsOf, inputsOf, openFed, openStored, scaledWeights, shapesOf, valuesOf } from './support.js'

const LIMIT = 2e-5

describe.each(['clip-vision-tiny-gelu', 'clip-vision-tiny-quickgelu'])('%s', (folder) => {
  const config = parseClipVisionConfig(readJson(`${folder}/config.json`), `${folder}/config.json`)
  const weights = readFixture(`${folder}/model.safetensors`)
  const tensors = readFixture(`${folder}/case.safetensors`)
  const parameters = new ParameterSet()
  const outputs = clipVision(parameters, config, inputsOf(tensors).pixel_values!)

  it('has the parameters of the reference', () => {
    expect(parameters.shapes).toEqual(shapesOf(weights))
    expect(parameters.count).toBe(39_488)
  })

  it('gives the reference embedding, pooled state and last hidden state', async () => {
    const program = await openStored({ ...outputs }, `${folder}/model.safetensors`)
    const results = await program.run(feedsOf(tensors))
    await program.dispose()
    expectClose(results.imageEmbeds, valuesOf(tensors, 'out.image_embeds'), LIMIT)
    expectClose(results.pooled, valuesOf(tensors, 'out.pooled'), LIMIT)
    expectClose(results.lastHiddenState, valuesOf(tensors, 'out.last_hidden_state'), LIMIT)
  })

  it.each([false, true])('has the epsilons of the reference, lowered for training: %s', async (training) => {
    const program = await openFed({ ...outputs }, training)
    const results = await program.run(feedsOf(tensors, scaledWeights(weights, `${folder}/case-eps.json`)))
    await program.dispose()
    const expected = readFixture(`${folder}/case-eps.safetensors`)
    expectClose(results.imageEmbeds, valuesOf(expected, 'out.image_embeds'), LIMIT)
    expectClose(results.lastHiddenState, valuesOf(expected, 'out.last_hidden_state'), LIMIT)
  })

  it('ignores the rest of a picture that its patches do not divide', () => {
    const { lastHiddenState } = clipVision(new ParameterSet(), config, input('wide', [1, 3, 39, 33]))
    expect(lastHiddenState.shape).toEqual([1, 17, 32])
  })
})
