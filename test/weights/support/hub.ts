import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { fixturePath } from '../../support/fixture.js'

/** The model that the hub of the tests has. */
export const ID = 'someone/tiny-svd'

/** The files of it that sfv needs. */
export const FILES = [
  'feature_extractor/preprocessor_config.json',
  'image_encoder/config.json',
  'image_encoder/model.safetensors',
  'scheduler/scheduler_config.json',
  'unet/config.json',
  'unet/diffusion_pytorch_model.safetensors',
  'vae/config.json',
  'vae/diffusion_pytorch_model.safetensors',
  'model_index.json',
]

/** How the hub answers for a file, beside the bytes. */
export interface Fault {
  /** Bytes after which the connection is cut. */
  readonly cut?: number
  /** Whether the bytes are others than the list promises. */
  readonly damaged?: true
  /** A status in place of the file, with headers. */
  readonly status?: number
  readonly headers?: Record<string, string>
}

/** A server of the hub's protocol, on this machine alone: the list of a tree, and files by ranges. */
export class Hub {
  /** Paths that were asked for. */
  readonly requests: string[] = []
  readonly files = new Map<string, Buffer>()
  /** What goes wrong with the next requests for a file, or for the list, which is called `tree`; each once. */
  readonly faults = new Map<string, Fault[]>()
  token: string | undefined
  /** Whether parts of files can be asked for. */
  ranges = true
  /** Whether the list tells checksums. */
  checksums = true
  /** Milliseconds between the pieces of a file. */
  pace = 0
  readonly server: Server = createServer((request, response) => void this.answer(request, response))

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(resolve))
  }

  /** Forgets all, and has the tiny pipeline with files beside it that sfv does not need. */
  async reset(): Promise<void> {
    this.requests.length = 0
    this.faults.clear()
    this.token = undefined
    this.ranges = true
    this.checksums = true
    this.pace = 0
    this.files.clear()
    for (const file of FILES) this.files.set(file, await readFile(fixturePath(`pipeline-tiny/${file}`)))
    this.files.set('README.md', Buffer.from('# Tiny'))
    this.files.set('unet/diffusion_pytorch_model.bin', Buffer.alloc(10))
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url!, this.url).pathname)
    this.requests.push(path)
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"Access to model is restricted"}')
      return
    }
    const isList = path === `/api/models/${ID}/tree/main`
    const prefix = `/${ID}/resolve/main/`
    const name = isList ? 'tree' : path.slice(prefix.length)
    const fault = this.faults.get(name)?.shift() ?? {}
    if (fault.status !== undefined) response.writeHead(fault.status, fault.headers).end()
    else if (isList) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.list()))
    else if (!path.startsWith(prefix) || !this.files.has(name))
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end()
    else await this.send(this.files.get(name)!, fault, request, response)
  }

  private list(): object[] {
    return [...this.files].map(([path, data]) => {
      if (!this.checksums) return { type: 'file', path, size: data.length, oid: '0' }
      const gitOid = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex')
      const oid = createHash('sha256').update(data).digest('hex')
      const lfs = path.endsWith('.safetensors') ? { lfs: { oid, size: data.length, pointerSize: 1 } } : {}
      return { type: 'file', path, size: data.length, oid: gitOid, ...lfs }
    })
  }

  private async send(original: Buffer, { cut, damaged }: Fault, request: IncomingMessage, response: ServerResponse) {
    const data = damaged ? Buffer.alloc(original.length, 7) : original
    const [, from] = (this.ranges && /^bytes=(\d+)-$/.exec(request.headers.range ?? '')) || []
    const start = Number(from ?? 0)
    response.writeHead(from === undefined ? 200 : 206, {
      'content-length': data.length - start,
      ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` }),
    })
    response.flushHeaders()
    const rest = data.subarray(start, cut === undefined ? undefined : start + cut)
    const step = this.pace === 0 ? rest.length : Math.ceil(rest.length / 8)
    for (let at = 0; at < rest.length; at += step) {
      await new Promise((resolve) => response.write(rest.subarray(at, at + step), resolve))
      if (this.pace > 0) await new Promise((resolve) => setTimeout(resolve, this.pace))
    }
    if (start + rest.length === data.length) response.end()
    else setTimeout(() => response.destroy(), 20)
  }
}

/** What a test of the hub has of its own: an empty folder, and an environment whose caches lie there. */
export interface HubPlace {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
}

/** A hub for the tests of a file, as new before each of them; `begin` is then told the test's place. */
export function hubOfTests(begin: (place: HubPlace) => void): Hub {
  const hub = new Hub()
  beforeAll(() => hub.listen())
  afterAll(() => hub.close())
  beforeEach(async () => {
    await hub.reset()
    const folder = await mkdtemp(join(tmpdir(), 'sfv-hub-'))
    begin({ folder, env: { HF_ENDPOINT: hub.url, SFV_CACHE: folder, HF_HOME: join(folder, 'huggingface') } })
    return () => rm(folder, { recursive: true, force: true })
  })
  return hub
}
