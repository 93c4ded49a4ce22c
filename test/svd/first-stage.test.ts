import { expect, it } from 'vitest'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { encodePlanes, planesOf } from '../../src/svd/condition.js'
import { FirstStage } from '../../src/svd/first-stage.js'
import { Model } from '../../src/svd/model.js'
import { picture, tinySource } from '../pipeline/tiny.js'
import { relativeError } from '../support/fixture.js'

/** The picture, each time a little darker. */
const pictures = Array.from({ length: 8 }, (_, i) => ({ ...picture, data: picture.data.map((value) => value - i) }))

it('encodes pictures in blocks as one by one, and decodes in chunks the frames that it decodes together', async () => {
  const model = new Model(await tinySource(), nodeEngine({ threads: 1 }))
  const stage = new FirstStage(model, picture)
  const planes = stage.planes(pictures)
  const latents = await stage.encode(planes)
  expect(latents.length).toBe(8 * stage.latentCount)
  const alone = await model.vaeEncoder(picture.height, picture.width).open()
  for (const [i, each] of pictures.entries()) {
    const expected = await encodePlanes(planesOf(each, picture, model.autoencoder), alone)
    const found = latents.subarray(i * stage.latentCount, (i + 1) * stage.latentCount)
    expect(relativeError(found, expected)).toBeLessThan(1e-5)
  }

  const two = latents.subarray(0, 2 * stage.latentCount).map((value) => value * model.vaeConfig.scalingFactor)
  const first = planes.subarray(0, planes.length / 8)
  const { data, ...size } = await stage.decode(two, first)
  expect(size).toEqual({ width: 64, height: 64, count: 2 })
  // Each frame in a chunk of its own knows nothing of the other: the first is that of a clip of one frame.
  const apart = await stage.decode(two, first, { chunk: 1 })
  const one = await stage.decode(two.subarray(0, stage.latentCount), first)
  expect(apart.data.subarray(0, one.data.length)).toEqual(one.data)
  expect(apart.data).not.toEqual(data)
  await stage.close()
  await alone.dispose()
})

it('refuses a size that it cannot shrink, with one that it can', async () => {
  const model = new Model(await tinySource(), nodeEngine({ threads: 1 }))
  const { factor } = model.vaeConfig
  expect(() => new FirstStage(model, { width: 3 * factor, height: 3 * factor + 1 })).toThrow(
    `multiples of ${factor}, not clips of ${3 * factor}x${3 * factor + 1} pixels; make the clip store with --size ${3 * factor}x${3 * factor}`,
  )
})
