import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile, mkdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { hubFolder, isHubId, neededFiles, pullModel, resolveHubModel } from '../../src/weights/hub.node.js'
import { fixturePath } from '../support/fixture.js'

const ID = 'someone/tiny-svd'
const FILES = [
  'model_index.json',
  'unet/config.json',
  'unet/diffusion_pytorch_model.safetensors',
  'vae/config.json',
  'vae/diffusion_pytorch_model.safetensors',
  'image_encoder/config.json',
  'image_encoder/model.safetensors',
  'scheduler/scheduler_config.json',
  'feature_extractor/preprocessor_config.json',
]

/** A server of the hub's protocol, on this machine alone: the list of a tree, and files by ranges. */
class Hub {
  readonly requests: string[] = []
  readonly files = new Map<string, Buffer>()
  /** Bytes of a file after which the connection is cut, once. */
  cut: { path: string; after: number } | undefined
  token: string | undefined
  /** Paths whose bytes are not those that the list promises. */
  damaged = new Set<string>()
  readonly server: Server = createServer((request, response) => this.answer(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url!, this.url).pathname)
    this.requests.push(path)
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"Access to model is restricted"}')
      return
    }
    if (path === `/api/models/${ID}/tree/main`) {
      const list = [...this.files].map(([name, data]) => ({
        type: 'file',
        path: name,
        size: data.length,
        oid: 'x',
        ...(name.endsWith('.safetensors')
          ? { lfs: { oid: createHash('sha256').update(data).digest('hex'), size: data.length, pointerSize: 1 } }
          : {}),
      }))
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list))
      return
    }
    const prefix = `/${ID}/resolve/main/`
    const name = path.slice(prefix.length)
    const original = path.startsWith(prefix) ? this.files.get(name) : undefined
    if (!original) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
      return
    }
    const data = this.damaged.has(name) ? Buffer.alloc(original.length, 7) : original
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(from ?? 0)
    const end = to ? Math.min(Number(to) + 1, data.length) : data.length
    response.writeHead(from === undefined ? 200 : 206, {
      etag: '"x"',
      'content-length': end - start,
      'content-range': `bytes ${start}-${end - 1}/${data.length}`,
    })
    if (this.cut?.path === name && end - start > this.cut.after) {
      response.write(data.subarray(start, start + this.cut.after), () => response.destroy())
      this.cut = undefined
    } else response.end(data.subarray(start, end))
  }
}

let hub: Hub
let folder: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  hub = new Hub()
  await new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise((resolve) => hub.server.close(resolve)))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-hub-'))
  env = { HF_ENDPOINT: hub.url, SFV_CACHE: folder }
  hub.requests.length = 0
  hub.files.clear()
  hub.damaged.clear()
  hub.token = undefined
  hub.cut = undefined
  for (const file of FILES) hub.files.set(file, await readFile(fixturePath(`pipeline-tiny/${file}`)))
  hub.files.set('README.md', Buffer.from('# Tiny'))
  hub.files.set('unet/diffusion_pytorch_model.bin', Buffer.alloc(10))
  return () => rm(folder, { recursive: true, force: true })
})

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
    hub.cut = { path, after: 2_000_000 }
    await expect(pullModel(ID, { env })).rejects.toThrow(/pull again to go on/)
    const part = await stat(join(hubFolder(ID, env), `${path}.part`))
    expect(part.size).toBeGreaterThan(0)
    // A model that is half there is none.
    await expect(ImageToVideo.fromPretrained(hubFolder(ID, env))).rejects.toThrow(/model_index.json/)
    const seen: number[] = []
    await pullModel(ID, { env, onProgress: ({ file, done }) => void (file === path && seen.push(done)) })
    expect((await readFile(join(hubFolder(ID, env), path))).equals(hub.files.get(path)!)).toBe(true)
    expect(seen.at(-1)! - seen[0]!).toBeLessThanOrEqual(size - part.size)
  })

  it('refuses bytes that are not what the hub promises', async () => {
    hub.damaged.add('vae/diffusion_pytorch_model.safetensors')
    await expect(pullModel(ID, { env })).rejects.toThrow(/its SHA-256 is not the hub's/)
    hub.damaged.clear()
    await pullModel(ID, { env })
  })

  it('takes a token from the environment for a gated model', async () => {
    hub.token = 'hf_secret'
    await expect(pullModel(ID, { env })).rejects.toThrow(/is gated, private or not there; .* set HF_TOKEN/)
    await expect(pullModel(ID, { env: { ...env, HF_TOKEN: 'hf_wrong' } })).rejects.toThrow(/refuses this token/)
    await expect(pullModel(ID, { env: { ...env, HF_TOKEN: 'x' } })).rejects.toThrow(/begins with hf_/)
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
  const of = (...names: string[]) =>
    neededFiles(
      names.map((name) => `unet/${name}`),
      ['unet'],
      ID,
    )
  it('are the half-precision ones, in shards or not', () => {
    const whole = 'diffusion_pytorch_model.safetensors'
    expect(of(whole, 'diffusion_pytorch_model.fp16.safetensors', 'config.json')).toEqual([
      'unet/diffusion_pytorch_model.fp16.safetensors',
      'unet/config.json',
      'model_index.json',
    ])
    const shards = [
      'diffusion_pytorch_model.fp16-00001-of-00002.safetensors',
      'diffusion_pytorch_model.fp16-00002-of-00002.safetensors',
    ]
    expect(of(whole, 'diffusion_pytorch_model.safetensors.index.fp16.json', ...shards)).toHaveLength(4)
    expect(of(whole, 'flax_model.msgpack')).toEqual([`unet/${whole}`, 'model_index.json'])
  })
  it('cannot be other formats', () => {
    expect(() => of('diffusion_pytorch_model.bin')).toThrow(/component unet has no .safetensors weights/)
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
