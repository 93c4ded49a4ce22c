import { describe, expect, it } from 'vitest'
import { input } from '../../src/graph/ops/index.js'
import { clipVision, parseClipVisionConfig } from '../../src/models/clip/index.js'
import { parseUNetConfig, unet } from '../../src/models/unet/index.js'
import { parseVaeConfig, vaeDecoder, vaeEncoder } from '../../src/models/vae/index.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { readJson } from '../support/fixture.js'

interface Component {
  readonly tensors: number
  readonly parameters: number
  readonly shapes: Record<string, number[]>
}

const manifest = readJson<Record<string, Component>>('svd-manifest/manifest.json.gz')

const config = <T>(parse: (json: unknown, file: string) => T, name: string): T =>
  parse(readJson(`svd-manifest/${name}/config.json`), `${name}/config.json`)

const record: Record<string, (w: ParameterSet) => void> = {
  unet: (w) =>
    unet(w, config(parseUNetConfig, 'unet'), {
      sample: input('sample', [1, 14, 8, 72, 128]),
      timestep: input('timestep', [1]),
      context: input('context', [1, 1, 1024]),
      addedTimeIds: input('addedTimeIds', [1, 3]),
    }),
  vae: (w) => {
    vaeEncoder(w, config(parseVaeConfig, 'vae'), input('pictures', [1, 3, 576, 1024]))
    vaeDecoder(w, config(parseVaeConfig, 'vae'), input('latents', [14, 4, 72, 128]), 14)
  },
  image_encoder: (w) =>
    clipVision(w, config(parseClipVisionConfig, 'image_encoder'), input('pixels', [1, 3, 224, 224])),
}

describe.each(Object.entries(record))('%s of stable-video-diffusion-img2vid', (name, run) => {
  const { tensors, parameters, shapes } = manifest[name]!

  it('is recorded with exactly its names and shapes, and without its values', () => {
    const before = process.memoryUsage().arrayBuffers
    const w = new ParameterSet()
    run(w)
    expect(w.shapes).toEqual(new Map(Object.entries(shapes)))
    expect(w.parameters.size).toBe(tensors)
    expect(w.count).toBe(parameters)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50e6)
  })
})

it('the UNet has 1,524,623,082 parameters', () => {
  expect(manifest.unet!.parameters).toBe(1_524_623_082)
})
