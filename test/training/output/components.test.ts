import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { nodeEngine } from '../../../src/runtime/engine.node.js'
import { embedPicture } from '../../../src/svd/condition.js'
import { Model } from '../../../src/svd/model.js'
import { openPictureNetworks, readPreprocessing } from '../../../src/training/output/components.node.js'
import { Checkpoint, saveCheckpoint } from '../../../src/weights/checkpoint.node.js'
import { picture, TINY, tinySource } from '../../pipeline/tiny.js'

const engine = nodeEngine({ threads: 1 })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-parts-'))
  for (const component of ['vae', 'image_encoder', 'feature_extractor'])
    await cp(join(TINY, component), join(folder, component), { recursive: true })
})
afterEach(() => rm(folder, { recursive: true }))

describe('a folder whose UNet is still to be trained', () => {
  it('embeds a picture as the whole model does', async () => {
    const [parts, whole] = [await openPictureNetworks(folder, engine), new Model(await tinySource(), engine)]
    const embeddings = []
    for (const networks of [parts, whole]) {
      const program = await networks.imageEncoder().open()
      embeddings.push(await embedPicture(picture, networks.preprocessing, program))
      await program.dispose()
    }
    expect(embeddings[0]).toEqual(embeddings[1])
  })

  it('prepares pictures as its preprocessor_config.json says, and as SVD does where it has none', async () => {
    const file = join(folder, 'feature_extractor', 'preprocessor_config.json')
    const config = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...config, image_mean: [0.1, 0.2, 0.3], crop_size: 32 }))
    const own = { mean: [0.1, 0.2, 0.3], size: { width: 32, height: 32 } }
    expect((await openPictureNetworks(folder, engine)).preprocessing).toMatchObject(own)
    expect(await readPreprocessing(folder, 224)).toMatchObject(own)

    await rm(file)
    const usual = { mean: [0.48145466, 0.4578275, 0.40821073], size: { width: 224, height: 224 } }
    expect((await openPictureNetworks(folder, engine)).preprocessing).toMatchObject(usual)
    expect(await readPreprocessing(undefined, 224)).toMatchObject(usual)
  })

  it('is refused where its weights hold a tensor that the network has not', async () => {
    const tensors = await (await Checkpoint.open(join(folder, 'vae'))).readAll()
    const named = [...tensors].map(([name, data]) => ({ name, shape: [data.length], data }))
    const shapes = (await Checkpoint.open(join(folder, 'vae'))).tensors
    const whole = named.map((tensor) => ({ ...tensor, shape: shapes.get(tensor.name)!.shape }))
    const more = { name: 'decoder.stray.weight', shape: [1], data: Float32Array.of(0) }
    await saveCheckpoint(join(folder, 'vae', 'diffusion_pytorch_model.safetensors'), [...whole, more])
    const networks = await openPictureNetworks(folder, engine)
    const opening = networks.vaeEncoder(64, 64).open()
    await expect(opening).rejects.toThrow(UserError)
    await expect(opening).rejects.toThrow(/decoder\.stray\.weight/)
  })

  it('says what to do where a network is missing', async () => {
    await rm(join(folder, 'vae'), { recursive: true })
    await expect(openPictureNetworks(folder, engine)).rejects.toThrow(/or train or copy the vae first/)
  })
})
