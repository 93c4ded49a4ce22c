import { describe, expect, it } from 'vitest'
import { countFlops } from '../../src/graph/flops.js'
import { input } from '../../src/graph/ops/index.js'
import { parseAutoencoder } from '../../src/models/autoencoder.js'
import { parseWarpAutoencoderConfig, warpDecoder, warpEncoder } from '../../src/models/autoencoder-warp/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { Random } from '../../src/runtime/random.js'
import { initialValues } from '../../src/training/trainer/initial-values.js'
import { Layout } from '../../src/training/trainer/parameters.js'
import { openFed } from './support.js'

const config = parseWarpAutoencoderConfig({ block_out_channels: [32, 32, 32, 32], latent_channels: 4 }, 'config.json')

/** The network with its first values, for clips of `frames` pictures. */
async function open(clips: number, frames: number, height: number, width: number) {
  const set = new ParameterSet()
  const picture = input('picture', [clips, 4, height, width])
  const latents = warpEncoder(set, config, input('frames', [clips * frames, 4, height, width]), picture).mean
  const program = await openFed({ latents, made: warpDecoder(set, config, latents, picture).frames })
  const layout = new Layout(set.shapes)
  return { program, feeds: layout.views(initialValues(set, layout, 1), set.prefix) }
}

const pixels = (n: number, name: string) =>
  Float32Array.from(
    { length: n },
    (
      (random) => () =>
        random.uniform()
    )(new Random(5, name)),
  )

describe('AutoencoderKLWarp', () => {
  it('treats each clip, and each frame of it, by itself', async () => {
    const [height, width] = [32, 48]
    const size = 4 * height * width
    const [frames, picture] = [pixels(4 * size, 'frames'), pixels(2 * size, 'picture')]
    const two = await open(2, 2, height, width)
    const whole = await two.program.run({ ...two.feeds, frames, picture })
    const one = await open(1, 1, height, width)
    for (let frame = 0; frame < 4; frame++) {
      const clip = Math.floor(frame / 2)
      const single = await one.program.run({
        ...one.feeds,
        frames: frames.subarray(frame * size, (frame + 1) * size),
        picture: picture.subarray(clip * size, (clip + 1) * size),
      })
      for (const name of ['latents', 'made']) {
        const values = single[name]!
        const part = whole[name]!.subarray(frame * values.length, (frame + 1) * values.length)
        expect(Math.max(...values.map((value, i) => Math.abs(value - part[i]!)))).toBeLessThan(1e-4)
      }
    }
    await Promise.all([two.program.dispose(), one.program.dispose()])
  })

  it('begins near a copy of the picture, whatever the latents', async () => {
    const side = 64
    const { program, feeds } = await open(1, 1, side, side)
    // A smooth picture: flows of a fraction of a pixel hardly show.
    const picture = Float32Array.from({ length: 4 * side * side }, (_, i) => 0.5 + 0.5 * Math.sin((i % side) / 9))
    const { made } = await program.run({ ...feeds, frames: pixels(4 * side * side, 'noise'), picture })
    const error = made!.reduce((sum, value, i) => sum + Math.abs(value - picture[i]!), 0) / made!.length
    expect(error).toBeLessThan(0.25)
    await program.dispose()
  })

  it('decodes a clip of 14 frames of 128x128 in at most 20 GFLOP', () => {
    const set = new ParameterSet()
    const standard = parseWarpAutoencoderConfig({}, 'config.json')
    const latents = input('latents', [14, standard.latentChannels, 8, 8])
    const { frames } = warpDecoder(set, standard, latents, input('picture', [1, 4, 128, 128]))
    expect(frames.shape).toEqual([14, 4, 128, 128])
    expect(countFlops([frames])).toBeLessThan(20e9)
  })

  it('refuses a configuration that it cannot have, by field', () => {
    const refused = (json: object) => () => parseWarpAutoencoderConfig(json, 'vae/config.json')
    expect(refused({ block_out_channels: [32, 32, 32] })).toThrow(/vae\/config.json: field block_out_channels/)
    expect(refused({ attention_head_dim: 64 })).toThrow(/field attention_head_dim does not divide 96 of/)
    expect(refused({ down_block_types: [] })).toThrow(/field down_block_types is not one that/)
  })
})

describe('first stages', () => {
  it('are read by the class that they name', () => {
    const relative = parseAutoencoder({ _class_name: 'AutoencoderKLWarp' }, 'vae/config.json')
    expect(relative).toMatchObject({ pixels: 'rgba', channels: 4, relative: true })
    const known = parseAutoencoder(
      { down_block_types: ['DownEncoderBlock2D'], block_out_channels: [32] },
      'vae/config.json',
    )
    expect(known).toMatchObject({ className: 'AutoencoderKLTemporalDecoder', channels: 3, relative: false })
    expect(() => parseAutoencoder({ _class_name: 'VQModel' }, 'vae/config.json')).toThrow(
      'vae/config.json: field _class_name is "VQModel"; give one of AutoencoderKLTemporalDecoder, AutoencoderKLWarp',
    )
  })
})
