import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
}

/** Headers that let a page have threads. */
export const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
} as const

/** What a site serves. */
export interface SiteOptions {
  /** Folders by the start of their address, the longest first: `{ '/model/': 'models/fluent' }`. */
  readonly folders?: Readonly<Record<string, string>>
  /** Files in memory by address. */
  readonly files?: ReadonlyMap<string, string | Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
}

/** A web server of a test, which counts what it is asked for and can be told to answer otherwise. */
export class Site {
  /** How often each address was asked for. */
  readonly asked = new Map<string, number>()
  /** Bytes of all that was answered. */
  sent = 0
  /** Addresses whose next answer is made from the right one. */
  readonly spoiled = new Map<string, (right: Uint8Array) => Uint8Array>()

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Serves until `close`, at a free port of this machine. */
  static async open({ folders = {}, files = new Map(), headers = {} }: SiteOptions): Promise<Site> {
    const server = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname))
      site.asked.set(path, (site.asked.get(path) ?? 0) + 1)
      void content(path, folders, files).then((bytes) => {
        if (!bytes) return void response.writeHead(404).end()
        site.sent += bytes.length
        const spoil = site.spoiled.get(path)
        site.spoiled.delete(path)
        const type = TYPES[path.endsWith('/') ? '.html' : extname(path)] ?? 'application/octet-stream'
        response.writeHead(200, { 'content-type': type, ...headers }).end(spoil ? spoil(bytes) : bytes)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const site: Site = new Site(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    return site
  }

  /** Ends all connections. */
  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}

async function content(
  path: string,
  folders: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<Uint8Array | undefined> {
  const held = files.get(path)
  if (held !== undefined) return typeof held === 'string' ? Buffer.from(held) : held
  const start = Object.keys(folders).find((each) => path.startsWith(each))
  if (start === undefined) return undefined
  const rest = path.slice(start.length)
  return readFile(join(folders[start]!, rest === '' ? 'index.html' : rest)).catch(() => undefined)
}
