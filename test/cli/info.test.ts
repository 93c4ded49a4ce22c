import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { inspect } from '../../src/cli/inspect.js'
import { ClipStoreWriter } from '../../src/data/store-writer.node.js'
import { fixturePath } from '../support/fixture.js'
import { TINY } from '../pipeline/tiny.js'
import { sfv } from './sfv.js'

it('describes every checkpoint of a model folder', async () => {
  const found = await inspect(TINY)
  expect(found.map(({ file, className }) => [file, className])).toEqual([
    ['image_encoder/model.safetensors', 'CLIPVisionModelWithProjection'],
    ['unet/diffusion_pytorch_model.safetensors', 'UNetSpatioTemporalConditionModel'],
    ['vae/diffusion_pytorch_model.safetensors', 'AutoencoderKLTemporalDecoder'],
  ])
  expect(found[1]).toEqual({
    file: 'unet/diffusion_pytorch_model.safetensors',
    className: 'UNetSpatioTemporalConditionModel',
    tensors: 424,
    parameters: 1_308_432,
    dtypes: ['F32'],
    bytes: 4 * 1_308_432,
    metadata: { format: 'pt' },
  })
})

it('prints a table, or JSON', async () => {
  const file = fixturePath('pipeline-tiny/vae/diffusion_pytorch_model.safetensors')
  const [table, json] = await Promise.all([sfv(['info', file]), sfv(['info', file, '--json'])])
  expect([table.code, json.code]).toEqual([0, 0])
  expect(table.stdout).toMatchSnapshot()
  const [checkpoint] = (JSON.parse(json.stdout) as { checkpoints: unknown[] }).checkpoints
  expect(checkpoint).toEqual((await inspect(file))[0])
})

it('describes a clip store', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sfv-info-'))
  const writer = await ClipStoreWriter.create(folder, { width: 8, height: 4 }, 7)
  const clip = (count: number, step: number) => {
    const frames = { width: 8, height: 4, count, data: new Uint8Array(96 * count) }
    return { frames: { ...frames, data: frames.data.map((_, i) => step * Math.floor(i / 96)) }, durationsMs: [] }
  }
  await writer.add({ ...clip(14, 0), name: 'a', figure: 'a', split: 'train' })
  await writer.add({ ...clip(20, 5), name: 'b', figure: 'b', split: 'train', alpha: new Uint8Array(32 * 20) })
  await writer.add({ ...clip(16, 10), name: 'c', figure: 'b', split: 'test' })
  await writer.finish()
  const { stdout } = await sfv(['info', folder, '--json'])
  expect((JSON.parse(stdout) as { store: unknown }).store).toMatchObject({
    ...{ width: 8, height: 4, fps: 7, clips: 3, figures: 2, transparent: 1 },
    splits: { train: 2, test: 1 },
    frames: { total: 50, least: 14, most: 20 },
    // A difference of 5/255 is 127 + 60 log2(0.0196/0.019), twice that is 60 more, and none is 0.
    motion: [0, 130, 130],
  })
  const { stdout: table } = await sfv(['info', folder])
  expect(table).toMatch(
    /pictures +8x4, 7 a second\nclips +3 of 2 figures: 2 train, 1 test\nframes +50; a clip has 14 to 20/,
  )
  await rm(folder, { recursive: true })
})

it.each([
  ['no path', 'test/nothing-here', /there is no test\/nothing-here/],
  ['a folder without weights', fixturePath('pipeline-tiny/scheduler'), /holds no \.safetensors file/],
  ['another file', fixturePath('pipeline-tiny/image.png'), /is not a valid safetensors file/],
])('refuses %s', async (_, path, message) => {
  await expect(inspect(path)).rejects.toThrow(message)
})
