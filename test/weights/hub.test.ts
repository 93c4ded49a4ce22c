import { readFile, stat, writeFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { neededFiles } from '../../src/weights/hub-files.js'
import { hubFolder, isHubId, pullModel, resolveHubModel } from '../../src/weights/hub.node.js'
import { FILES, hubOfTests, ID } from './support/hub.js'

let folder: string
let env: NodeJS.ProcessEnv
const hub = hubOfTests((place) => ({ folder, env } = place))

describe('pull', () => {
  it('fetches what is needed, whole, and a second time nothing', async () => {
    const { files, fetched, bytes, folder: where } = await pullModel(ID, { env })
    expect(where).toBe(hubFolder(ID, env))
    expect([...files].sort()).toEqual([...FILES].sort())
    for (const file of FILES) expect((await readFile(join(where, file))).equals(hub.files.get(file)!)).toBe(true)
    expect(fetched).toBe(bytes - hub.files.get('model_index.json')!.length)
    expect((await pullModel(ID, { env })).fetched).toBe(0)
  })

  it('goes on where it was broken off', async () => {
    const path = 'unet/diffusion_pytorch_model.safetensors'
    const size = hub.files.get(path)!.length
    hub.faults.set(path, [{ cut: 2_000_000 }, { cut: 0 }, { cut: 0 }, { cut: 0 }])
    await expect(pullModel(ID, { env })).rejects.toThrow(
      /the connection ended after 2000000 of .*; pull again to go on/,
    )
    const part = await stat(join(hubFolder(ID, env), `${path}.part`))
    expect(part.size).toBeGreaterThan(0)
    expect(part.size).toBeLessThanOrEqual(2_000_000)
    // A model that is half there is none.
    await expect(ImageToVideo.fromPretrained(hubFolder(ID, env))).rejects.toThrow(/model_index.json/)
    const seen: number[] = []
    await pullModel(ID, { env, onProgress: ({ file, done }) => void (file === path && seen.push(done)) })
    expect((await readFile(join(hubFolder(ID, env), path))).equals(hub.files.get(path)!)).toBe(true)
    expect(seen.at(-1)! - seen[0]!).toBeLessThanOrEqual(size - part.size)
  })

  it('goes on by itself as long as more comes', async () => {
    const path = 'unet/diffusion_pytorch_model.safetensors'
    hub.faults.set(path, [{ cut: 1_000_000 }, { cut: 500_000 }, { cut: 0 }, { cut: 7 }])
    await pullModel(ID, { env })
    expect((await readFile(join(hubFolder(ID, env), path))).equals(hub.files.get(path)!)).toBe(true)
  })

  it.each(['vae/diffusion_pytorch_model.safetensors', 'vae/config.json', 'model_index.json'])(
    'refuses bytes of %s that are not what the hub promises',
    async (path) => {
      hub.faults.set(path, [{ damaged: true }])
      await expect(pullModel(ID, { env })).rejects.toThrow(/its checksum is not the hub's/)
      await pullModel(ID, { env })
    },
  )

  it('fetches what was distilled from the model, though its index does not list it', async () => {
    for (const file of ['config.json', 'diffusion_pytorch_model.safetensors'])
      hub.files.set(`student/${file}`, hub.files.get(`unet/${file}`)!)
    hub.files.set('notes/config.json', Buffer.from('{"_class_name": "Other"}'))
    const { files, folder: where } = await pullModel(ID, { env })
    expect(files.filter((file) => !FILES.includes(file))).toEqual([
      'student/config.json',
      'student/diffusion_pytorch_model.safetensors',
    ])
    expect((await ImageToVideo.fromPretrained(where)).native.frames).toBeGreaterThan(0)
  })

  it('refuses a model of another pipeline before anything is fetched', async () => {
    hub.files.set('model_index.json', Buffer.from('{"_class_name": "StableDiffusionXLPipeline"}'))
    await expect(pullModel(ID, { env })).rejects.toThrow(/only StableVideoDiffusionPipeline/)
    expect(hub.requests.filter((path) => path.includes('/resolve/'))).toHaveLength(1)
  })

  it('fetches again what was changed, or is of another revision, though it is as long', async () => {
    const { folder: where } = await pullModel(ID, { env })
    const paths = ['vae/config.json', 'vae/diffusion_pytorch_model.safetensors'].map((path) => join(where, path))
    for (const path of paths) await writeFile(path, (await readFile(path)).fill(32))
    await pullModel(ID, { env })
    for (const file of FILES) expect((await readFile(join(where, file))).equals(hub.files.get(file)!)).toBe(true)
  })

  it('takes a token from the environment for a gated model', async () => {
    hub.token = 'hf_secret'
    await expect(pullModel(ID, { env })).rejects.toThrow(/is gated, private or not there; .* set HF_TOKEN/)
    await expect(pullModel(ID, { env: { ...env, HF_TOKEN: 'hf_wrong' } })).rejects.toThrow(/refuses this token/)
    const { HF_ENDPOINT: _, ...official } = env
    await expect(pullModel(ID, { env: { ...official, HF_TOKEN: 'x' } })).rejects.toThrow(/begins with hf_/)
    await pullModel(ID, { env: { ...env, HF_TOKEN: 'hf_secret' } })
  })

  it('says in a sentence what is wrong', async () => {
    await expect(pullModel('no-id', { env })).rejects.toThrow('no-id is not a hub id; give owner/name')
    await expect(pullModel('no/such', { env })).rejects.toThrow('the hub has no no/such of that revision; check the id')
    await expect(pullModel(ID, { env: { ...env, SFV_OFFLINE: '1' } })).rejects.toThrow(/the network is switched off/)
    const nowhere = { ...env, HF_ENDPOINT: 'http://127.0.0.1:9' }
    await expect(pullModel(ID, { env: nowhere })).rejects.toThrow(/cannot be fetched from .*; check the network/)
    hub.files.delete('model_index.json')
    await expect(pullModel(ID, { env })).rejects.toThrow(/has no model_index.json/)
  })

  it('is not needed a second time, even without a network', async () => {
    const first = await resolveHubModel(ID, { env })
    hub.requests.length = 0
    expect(await resolveHubModel(ID, { env: { ...env, SFV_OFFLINE: '1' } })).toBe(first)
    expect(hub.requests).toEqual([])
  })
})

describe('the files that are needed', () => {
  const network = ['diffusers', 'UNetSpatioTemporalConditionModel'] as const
  const of = (names: string[], index: object = {}) =>
    neededFiles(
      ['config.json', ...names].map((name) => `unet/${name}`),
      new Map([['unet', network]]),
      ID,
      () => Promise.resolve(Buffer.from(JSON.stringify({ weight_map: index }))),
    )
  const whole = 'diffusion_pytorch_model.safetensors'

  it('are the half-precision ones', async () => {
    expect(await of([whole, 'diffusion_pytorch_model.fp16.safetensors'])).toEqual([
      'unet/config.json',
      'unet/diffusion_pytorch_model.fp16.safetensors',
      'model_index.json',
    ])
    expect(await of([whole, 'flax_model.msgpack'])).toEqual(['unet/config.json', `unet/${whole}`, 'model_index.json'])
  })

  it.each([
    ['diffusion_pytorch_model.safetensors.index.fp16.json', 'diffusion_pytorch_model.fp16-00001-of-00002.safetensors'],
    ['diffusion_pytorch_model.safetensors.index.fp16.json', 'diffusion_pytorch_model-00001-of-00002.fp16.safetensors'],
    ['model.safetensors.index.json', 'model-00001-of-00002.safetensors'],
    ['model.safetensors.index.json', 'weights_of_someone.safetensors'],
  ])('are the shards that %s names, such as %s', async (index, shard) => {
    const other = 'model-00002-of-00002.safetensors'
    const named = await of([index, shard, other], { a: shard, b: other, c: shard })
    expect(named.slice(1, -1)).toEqual([index, shard, other].map((name) => `unet/${name}`))
    await expect(of([index, shard], { a: shard, b: other })).rejects.toThrow(`has no unet/${other}, which its`)
    await expect(of([index, shard], { a: '../x.safetensors' })).rejects.toThrow(
      /is not the name of a \.safetensors file/,
    )
  })

  it('cannot be other formats, nor none', async () => {
    await expect(of(['diffusion_pytorch_model.bin'])).rejects.toThrow(
      /unet holds its weights as diffusion_pytorch_model.bin, the pickle format of PyTorch, which sfv does not read; save/,
    )
    await expect(of([])).rejects.toThrow(/unet holds no weights/)
    await expect(of(['diffusion_pytorch_model.bf16.safetensors'])).rejects.toThrow(/no weights, only .*bf16/)
  })

  it('are of ids alone', () => {
    expect(['a/b', 'models/fluent', './a/b', 'a', 'a/b/c', '/a/b', '../b'].map(isHubId)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ])
  })
})

it('a component of which a part is there says so', async () => {
  const file = join(folder, 'unet', 'diffusion_pytorch_model.fp16.safetensors.part')
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, 'x')
  const { Checkpoint } = await import('../../src/weights/checkpoint.node.js')
  await expect(Checkpoint.open(join(folder, 'unet'))).rejects.toThrow(
    /is a download that was broken off; run sfv pull again/,
  )
})
