import { expect, it } from 'vitest'
import { Model } from '../../src/svd/model.js'
import type { ModelSource } from '../../src/svd/model-source.js'
import type { Network } from '../../src/svd/network.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { relativeError } from '../support/fixture.js'
import { tinySource } from '../pipeline/tiny.js'

async function outputOf(network: Network): Promise<Float32Array> {
  const program = await network.open()
  const feeds = program.inputs.map(({ name, shape }, j) => {
    const size = shape.reduce((product, n) => product * n, 1)
    return [name, Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * i + j) / 2)] as const
  })
  const outputs = await program.run(Object.fromEntries(feeds))
  await network.close()
  return Object.values(outputs)[0]!
}

/** The tiny pipeline with another `force_upcast`. */
async function withUpcast(forceUpcast: boolean): Promise<ModelSource> {
  const source = await tinySource()
  const vae = source.components.get('vae')!
  const changed = { ...vae, config: { ...(vae.config as object), force_upcast: forceUpcast } }
  return { ...source, components: new Map([...source.components, ['vae', changed]]) }
}

it('runs the UNet in half precision to two digits, and the VAE as force_upcast says', async () => {
  const engine = nodeEngine({ threads: 1 })
  const [upcast, free] = [await withUpcast(true), await withUpcast(false)]
  const networksOf = (source: ModelSource, precision: 'auto' | 'float16' | 'float32') => {
    const model = new Model(source, engine, precision)
    const unet = model.unet('unet', { batch: 1, frames: 2, height: 8, width: 8 })
    return { unet, decoder: model.vaeDecoder(1, 4, 4) }
  }
  const single = networksOf(upcast, 'float32')
  const [unet, decoded] = [await outputOf(single.unet), await outputOf(single.decoder)]

  const half = networksOf(upcast, 'float16')
  const error = relativeError(await outputOf(half.unet), unet)
  expect(error).toBeLessThan(2e-2)
  expect(error).toBeGreaterThan(1e-4)
  expect(await outputOf(half.decoder)).toEqual(decoded)

  const halfDecoded = await outputOf(networksOf(free, 'float16').decoder)
  expect(halfDecoded).not.toEqual(decoded)
  expect(relativeError(halfDecoded, decoded)).toBeLessThan(2e-2)
  // A processor has no use for half precision: auto is single.
  expect(await outputOf(networksOf(free, 'auto').unet)).toEqual(unet)
})
