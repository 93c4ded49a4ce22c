import { beforeAll, describe, expect, it } from 'vitest'
import { deviceTraits, type DeviceTraits } from '../../src/svd/device-traits.js'
import { Model } from '../../src/svd/model.js'
import type { Network } from '../../src/svd/network.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import type { Engine } from '../../src/runtime/program.js'
import { relativeError } from '../support/fixture.js'
import { withoutVulkan } from '../support/vulkan.js'
import { tinySource } from '../pipeline/tiny.js'

// In Node, on Vulkan in software: right where a GPU would be right, and slow, most of all beside other work.
const PATIENCE = 300_000

describe.skipIf(withoutVulkan)(`the networks on WebGPU${withoutVulkan}`, () => {
  const gpu = nodeEngine({ device: 'webgpu' })
  const cpu = nodeEngine({ threads: 1 })
  let traits: DeviceTraits
  beforeAll(async () => {
    traits = await deviceTraits(gpu)
  }, PATIENCE)

  it('knows what its adapter does', () => {
    expect(gpu.device).toBe('webgpu')
    // SwiftShader has subgroups of four.
    expect(traits).toEqual({ half: false, fusedAttention: false })
  })

  it.each<[string, (model: Model) => Network]>([
    ['UNet', (model) => model.unet('unet', { batch: 1, frames: 2, height: 8, width: 8 })],
    ['image encoder', (model) => model.imageEncoder()],
    ['VAE encoder', (model) => model.vaeEncoder(8, 8)],
  ])(
    'computes the %s as the CPU does, to 1e-4',
    async (_, networkOf) => {
      const source = await tinySource()
      const run = async (engine: Engine) => {
        const network = networkOf(new Model(source, engine, 'auto'))
        const program = await network.open()
        const feeds = program.inputs.map(({ name, shape }, j) => {
          const size = shape.reduce((product, n) => product * n, 1)
          return [name, Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * i + j) / 2)] as const
        })
        const outputs = await program.run(Object.fromEntries(feeds))
        await network.close()
        return Object.values(outputs)[0]!
      }
      expect(relativeError(await run(gpu), await run(cpu))).toBeLessThan(1e-4)
    },
    PATIENCE,
  )
})
