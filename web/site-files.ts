import { createReadStream } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Plugin } from 'vite'
import { RUNTIME_STEMS } from '../src/runtime/engine.web.js'
import { MANIFEST, sha256, type Manifest } from '../src/weights/manifest.js'
import { manifestOf } from '../src/weights/manifest.node.js'

/** A folder of files that the site needs beside its own, by their paths in it. */
type Files = ReadonlyMap<string, string | Buffer>

/**
 * ONNX Runtime as browsers fetch it: its scripts, its .wasm files compressed (14 MB become 3.7), and their manifest. Few hosts
 * compress .wasm files by themselves.
 */
async function runtimeFiles(folder: string): Promise<Files> {
  const files = new Map<string, Buffer | string>()
  const listed: Manifest['files'] = {}
  for (const stem of Object.values(RUNTIME_STEMS)) {
    files.set(`${stem}.mjs`, await readFile(join(folder, `${stem}.mjs`)))
    const packed = await promisify(gzip)(await readFile(join(folder, `${stem}.wasm`)), { level: 9 })
    files.set(`${stem}.wasm.gz`, packed)
    listed[`${stem}.wasm.gz`] = { bytes: packed.length, sha256: await sha256(packed) }
  }
  return files.set(MANIFEST, JSON.stringify({ format: 'sfv-manifest-1', files: listed } satisfies Manifest))
}

/** Serves the model and ONNX Runtime while developing, and puts them beside the site when it is built. */
export function siteFiles(model: string, runtime: string, headers: Readonly<Record<string, string>>): Plugin {
  let packed: Promise<Files> | undefined
  const runtimeOf = () => (packed ??= runtimeFiles(runtime))

  async function answer(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    if (path === `/model/${MANIFEST}`) response.end(JSON.stringify(await manifestOf(model)))
    else if (path.startsWith('/model/')) {
      createReadStream(join(model, path.slice(7)))
        .on('error', next)
        .pipe(response)
    } else {
      const file = path.startsWith('/ort/') ? (await runtimeOf()).get(path.slice(5)) : undefined
      if (file === undefined) return next()
      if (path.endsWith('.mjs')) response.setHeader('content-type', 'text/javascript')
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      response.end(file)
    }
  }

  return {
    name: 'sfv-site-files',
    configureServer(server) {
      server.middlewares.use((request, response, next) => void answer(request, response, next).catch(next))
    },
    async writeBundle({ dir }) {
      const to = async (path: string) => {
        await mkdir(dirname(join(dir!, path)), { recursive: true })
        return join(dir!, path)
      }
      for (const [path, content] of await runtimeOf()) await writeFile(await to(`ort/${path}`), content)
      const manifest = await manifestOf(model)
      for (const path of Object.keys(manifest.files)) await cp(join(model, path), await to(`model/${path}`))
      await writeFile(await to(`model/${MANIFEST}`), JSON.stringify(manifest))
    },
  }
}
