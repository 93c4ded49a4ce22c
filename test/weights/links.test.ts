import fc from 'fast-check'
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { ImageToVideo } from '../../src/pipeline/image-to-video.js'
import { openModelFolder } from '../../src/svd/model-folder.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { Checkpoint, saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { hubCacheFolder } from '../../src/weights/hub-cache.node.js'
import { resolveHubModel } from '../../src/weights/hub.node.js'
import { modelFolder } from '../../src/weights/model-folder.node.js'
import { picture, TINY } from '../pipeline/tiny.js'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sfv-links-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Copies the tiny model without what is no part of it. */
const copyTiny = (to: string) => cp(TINY, to, { recursive: true, filter: (path) => !/case\.|image\.png/.test(path) })

/** The pixels that a model folder gives. */
async function pixels(path: string): Promise<Uint8Array> {
  const sfv = new ImageToVideo(await openModelFolder(path), nodeEngine({ threads: 1, optimize: false }))
  const { frames } = await sfv.animate(picture, { frames: 1, width: 64, height: 64, seed: 1 })
  await sfv.dispose()
  return frames.data
}

/** How a file or folder is put at its place: itself, or by links. */
const FORMS = ['itself', 'relative', 'absolute', 'chain'] as const
type Form = (typeof FORMS)[number]

/** Moves what is at a path into one of the folders for blobs, and leaves links to it. */
async function link(path: string, form: Form, base: string, i: number): Promise<void> {
  if (form === 'itself') return
  const blobs = join(base, `blobs-${i % 3}`)
  await mkdir(blobs, { recursive: true })
  const blob = join(blobs, `${i}`)
  await rename(path, blob)
  if (form === 'absolute') return symlink(blob, path)
  if (form === 'relative') return symlink(relative(dirname(path), blob), path)
  await symlink(`${i}`, `${blob}-link`)
  await symlink(`${blob}-link`, path)
}

describe('links', () => {
  it('in every order and form, of files, folders and the snapshot, open the same model', async () => {
    await copyTiny(join(folder, 'plain'))
    const entries = await readdir(join(folder, 'plain'), { recursive: true, withFileTypes: true })
    const names = entries.map((entry) => ({
      path: relative(join(folder, 'plain'), join(entry.parentPath, entry.name)),
      isFolder: entry.isDirectory(),
    }))
    const expected = await pixels(join(folder, 'plain'))
    const forms = fc.array(fc.constantFrom(...FORMS), { minLength: names.length, maxLength: names.length })
    const order = fc.shuffledSubarray([...names.keys()], { minLength: names.length })
    // A folder that moves away takes links inside along: these must be absolute then.
    const whose = fc.constantFrom('files', 'all')
    const asked = fc.constantFrom('snapshots/abc', '.')
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        forms,
        order,
        whose,
        asked,
        fc.constantFrom(...FORMS),
        async (forms, order, whose, asked, top) => {
          const base = join(folder, `run-${runs++}`)
          const root = join(base, 'models--me--tiny')
          const model = join(root, 'snapshots', 'abc')
          await copyTiny(model)
          await mkdir(join(root, 'refs'))
          await writeFile(join(root, 'refs', 'main'), 'abc')
          for (const i of order) {
            const { path, isFolder } = names[i]!
            const form = whose === 'all' && forms[i] === 'relative' ? 'absolute' : forms[i]!
            if (whose === 'all' || !isFolder) await link(join(model, path), form, base, i)
          }
          const end = join(root, asked)
          await link(end, whose === 'files' ? 'itself' : top === 'relative' ? 'absolute' : top, base, names.length)
          expect((await pixels(end)).every((value, i) => value === expected[i])).toBe(true)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('of shards into folders where they have one name are told apart', async () => {
    await copyTiny(join(folder, 'model'))
    const expected = await pixels(join(folder, 'model'))
    const unet = join(folder, 'model', 'unet')
    const whole = await Checkpoint.open(unet)
    const names = [...whole.tensors.keys()]
    const weightMap: Record<string, string> = {}
    for (const [i, part] of [names.slice(0, 200), names.slice(200)].entries()) {
      const tensors = part.map(async (name) => ({
        ...{ name, shape: whole.tensors.get(name)!.shape, data: await whole.read(name) },
      }))
      await saveCheckpoint(join(folder, `disk-${i}`, 'shard.safetensors'), await Promise.all(tensors))
      await symlink(join(folder, `disk-${i}`, 'shard.safetensors'), join(unet, `${i}.safetensors`))
      for (const name of part) weightMap[name] = `${i}.safetensors`
    }
    await rm(join(unet, 'diffusion_pytorch_model.safetensors'))
    await writeFile(
      join(unet, 'diffusion_pytorch_model.safetensors.index.json'),
      JSON.stringify({ weight_map: weightMap }),
    )
    expect(await pixels(join(folder, 'model'))).toEqual(expected)
  })
})

describe("huggingface_hub's cache", () => {
  const ID = 'me/tiny'
  const root = () => join(folder, 'hub', 'models--me--tiny')
  const env = () => ({ HF_HUB_CACHE: join(folder, 'hub'), SFV_CACHE: join(folder, 'sfv'), SFV_OFFLINE: '1' })
  beforeEach(async () => {
    await copyTiny(join(root(), 'snapshots', 'abc'))
    await mkdir(join(root(), 'refs'), { recursive: true })
    await writeFile(join(root(), 'refs', 'main'), 'abc\n')
  })

  it('has models that are not fetched again', async () => {
    expect(await resolveHubModel(ID, { env: env() })).toBe(join(root(), 'snapshots', 'abc'))
    await expect(resolveHubModel('me/other', { env: env() })).rejects.toThrow(/me\/other is not in .*switched off/)
  })

  it('is found where huggingface_hub looks', () => {
    expect(hubCacheFolder({ HF_HUB_CACHE: '/a', HF_HOME: '/b' })).toBe('/a')
    expect(hubCacheFolder({ HUGGINGFACE_HUB_CACHE: '/a', HF_HOME: '/b' })).toBe('/a')
    expect(hubCacheFolder({ HF_HOME: '/b', XDG_CACHE_HOME: '/c' })).toBe('/b/hub')
    expect(hubCacheFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/huggingface/hub')
    expect(hubCacheFolder({ HF_HUB_CACHE: '~/hub' })).toMatch(/^[^~]+[/\\]hub$/)
  })

  it.each([
    ['a file of weights', 'vae/diffusion_pytorch_model.safetensors'],
    ['a configuration', 'scheduler/scheduler_config.json'],
    ['the index', 'model_index.json'],
  ])('is passed by where it lacks %s', async (_, file) => {
    await rm(join(root(), 'snapshots', 'abc', file))
    // As huggingface_hub leaves it after its blobs were removed.
    await symlink(join(folder, 'gone'), join(root(), 'snapshots', 'abc', file))
    await expect(resolveHubModel(ID, { env: env() })).rejects.toThrow(UserError)
  })

  it('gives the snapshot of the revision, else the only one', async () => {
    expect(await modelFolder(root())).toBe(join(root(), 'snapshots', 'abc'))
    await writeFile(join(root(), 'refs', 'main'), 'gone')
    expect(await modelFolder(root())).toBe(join(root(), 'snapshots', 'abc'))
    await copyTiny(join(root(), 'snapshots', 'def'))
    await expect(modelFolder(root())).rejects.toThrow(/has several snapshots, and none is of main; give one, such as/)
    await expect(modelFolder(join(folder, 'hub'))).rejects.toThrow(/is a cache of several models; give one, such as/)
  })
})

describe('in the place of a model folder', () => {
  const refused = async (path: string) => {
    const error: unknown = await openModelFolder(path).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).message
  }
  const save = async (file: string, name: string) => {
    const path = join(folder, file)
    await saveCheckpoint(path, [{ name, shape: [1], data: Float32Array.of(1) }])
    return path
  }

  it('a single-file checkpoint is named', async () => {
    for (const name of ['model.diffusion_model.out.0.bias', 'first_stage_model.encoder.conv_in.bias'])
      expect(await refused(await save('svd.safetensors', name))).toMatch(
        /svd\.safetensors is a single-file checkpoint, the layout of Stability AI and ComfyUI; .*sfv pull/,
      )
  })

  it('other files and folders are named', async () => {
    expect(await refused(await save('a.safetensors', 'unet.x.lora_A.weight'))).toMatch(/is a LoRA; merge it/)
    expect(await refused(await save('b.safetensors', 'conv_in.bias'))).toMatch(
      /weights of one network; give the folder/,
    )
    const checkpoint = join(folder, 'svd.ckpt')
    await writeFile(checkpoint, 'x')
    expect(await refused(checkpoint)).toMatch(
      /svd.ckpt is in the pickle format of PyTorch, which sfv does not read; save/,
    )
    expect(await refused(join(TINY, 'model_index.json'))).toContain(`is a file; give its folder, ${TINY}`)
    expect(await refused(join(TINY, 'unet'))).toContain(`one component of a model; give the model's folder, ${TINY}`)
    expect(await refused(join(TINY, 'image.png'))).toMatch(/is a file; give the folder of a model/)
    expect(await refused(join(folder, 'none'))).toMatch(/there is no model folder/)
  })
})

describe('weights that are none', () => {
  const message = async (bytes: Uint8Array | string, file = 'model.safetensors') => {
    await writeFile(join(folder, file), bytes)
    const error: unknown = await Checkpoint.open(folder).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UserError)
    return (error as UserError).message
  }

  it('are named by what they are', async () => {
    expect(await message('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n')).toMatch(
      /Git LFS.*lfs pull/,
    )
    expect(await message('<!DOCTYPE html><html></html>')).toMatch(/is a web page, not the file itself/)
    expect(await message(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0))).toMatch(/pickle format of PyTorch/)
    expect(await message(Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46))).toMatch(
      /pickle format of PyTorch/,
    )
  })

  it.each(['diffusion_pytorch_model.bin', 'pytorch_model.pt', 'flax_model.msgpack', 'model.onnx'])(
    'are named by the ending of %s',
    async (file) => {
      expect(await message('x', file)).toMatch(
        new RegExp(`holds its weights as ${file}, .*does not read; save the model`),
      )
    },
  )
})

describe('names of tensors', () => {
  const names = async (...written: string[]) => {
    const tensors = written.map((name) => ({ name, shape: [1], data: Float32Array.of(1) }))
    await saveCheckpoint(join(folder, 'model.safetensors'), tensors)
    return [...(await Checkpoint.open(folder)).tensors.keys()]
  }

  it('are those of the network, whatever PyTorch has wrapped it in', async () => {
    expect(await names('_orig_mod.a.weight')).toEqual(['a.weight'])
    expect(await names('module.a.weight', 'module.b')).toEqual(['a.weight', 'b'])
    expect(await names('module._orig_mod.a', '_orig_mod.module.b')).toEqual(['b', 'a'])
    expect(await names('a._orig_mod.module.b')).toEqual(['a.module.b'])
    expect(await names('_fsdp_wrapped_module.a.0._fsdp_wrapped_module.b')).toEqual(['a.0.b'])
  })

  it('stay where two would become one', async () => {
    expect(await names('_orig_mod.a', 'a')).toEqual(['_orig_mod.a', 'a'])
  })
})
