import { describe, expect, it } from 'vitest'
import { lower } from '../../../src/graph/lower.js'
import { input } from '../../../src/graph/ops/index.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../../src/models/vae/index.js'
import { ParameterSet } from '../../../src/nn/weights.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { initialValues } from '../../../src/training/trainer/initial-values.js'
import { Layout } from '../../../src/training/trainer/parameters.js'

const config = parseVaeConfig(
  {
    _class_name: 'AutoencoderKLTemporalDecoder',
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'],
    block_out_channels: [16, 32, 32],
    norm_num_groups: 4,
    latent_channels: 6,
  },
  'config.json',
)
const SIDE = 32

describe('the first values of a VAE', () => {
  it('carry every colour through, before any training', async () => {
    const set = new ParameterSet('vae/')
    const pictures = input('pictures', [3, 3, SIDE, SIDE])
    const decoded = vaeDecoder(set, config, vaeEncoder(set, config, pictures).mean, 3)
    const layout = new Layout(set.shapes)
    const program = await nodeEngine().load(lower({ decoded }))

    // One picture a channel: a bright square of that colour alone on grey.
    const values = new Float32Array(pictures.size)
    const inside = (i: number) => [i % SIDE, Math.floor(i / SIDE)].every((x) => x >= 12 && x < 24)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < SIDE * SIDE; i++) values[(c * 3 + c) * SIDE * SIDE + i] = inside(i) ? 1 : 0
    const feeds = { ...layout.views(initialValues(set, layout, 1), set.prefix), pictures: values }
    const result = (await program.run(feeds)).decoded!
    const contrast = (picture: number, channel: number) => {
      const plane = result.subarray((picture * 3 + channel) * SIDE * SIDE, (picture * 3 + channel + 1) * SIDE * SIDE)
      const mean = (keep: boolean) => {
        const kept = plane.filter((_, i) => inside(i) === keep)
        return kept.reduce((sum, x) => sum + x, 0) / kept.length
      }
      return mean(true) - mean(false)
    }
    for (let picture = 0; picture < 3; picture++) {
      const own = contrast(picture, picture)
      expect(own).toBeGreaterThan(0.05)
      for (let other = 0; other < 3; other++)
        if (other !== picture) expect(Math.abs(contrast(picture, other))).toBeLessThan(own)
    }
    await program.dispose()
  })
})
