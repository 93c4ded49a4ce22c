import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { inspect } from '../../src/cli/inspect.js'
import { saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { buildFolder } from '../../src/data/folder.node.js'
import { motionBucketId } from '../../src/data/motion.js'
import { drawMascotClips } from '../../scripts/mascot.js'
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

it('follows links, and says of a file that it holds a whole model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sfv-info-'))
  try {
    await symlink(TINY, join(folder, 'model'))
    await symlink(folder, join(folder, 'around'))
    const tensors = [{ name: 'first_stage_model.encoder.conv_in.bias', shape: [1], data: Float32Array.of(1) }]
    await saveCheckpoint(join(folder, 'svd_xt.safetensors'), tensors)
    await writeFile(join(folder, 'model.bin'), '')
    await expect(inspect(join(folder, 'model.bin'))).rejects.toThrow(/is in the pickle format of PyTorch/)
    const found = await inspect(folder)
    expect(found.map(({ file, className }) => [file, className])).toEqual([
      ['model/image_encoder/model.safetensors', 'CLIPVisionModelWithProjection'],
      ['model/unet/diffusion_pytorch_model.safetensors', 'UNetSpatioTemporalConditionModel'],
      ['model/vae/diffusion_pytorch_model.safetensors', 'AutoencoderKLTemporalDecoder'],
      ['svd_xt.safetensors', 'single-file checkpoint'],
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
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
  await drawMascotClips(join(folder, 'clips'), 3)
  const out = join(folder, 'store')
  const { clips } = await buildFolder({
    folder: join(folder, 'clips'),
    out,
    size: { width: 16, height: 8 },
    fps: 7,
    test: 0,
  })
  const { stdout } = await sfv(['info', out, '--json'])
  const buckets = clips.map(({ differences }) => motionBucketId(differences)).sort((a, b) => a - b)
  expect((JSON.parse(stdout) as { store: unknown }).store).toMatchObject({
    ...{ width: 16, height: 8, fps: 7, clips: 3, figures: 3, transparent: 0, splits: { train: 3 } },
    frames: { total: 42, least: 14, most: 14 },
    motion: [buckets[0], buckets[1], buckets[1]],
  })
  const { stdout: table } = await sfv(['info', out])
  expect(table).toMatch(
    /pictures +16x8, 7 a second\nclips +3 of 3 figures: 3 train\nframes +42; a clip has 14 to 14, 2\.0 s/,
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
