import { build as bundle } from 'esbuild'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { MANIFEST } from '../src/weights/manifest.js'
import { manifestOf } from '../src/weights/manifest.node.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..')
const OUT = process.env['SFV_STUDIO_OUT'] ?? join(root, 'dist-studio')
const ORT = join(root, 'node_modules/onnxruntime-web/dist')
/** The networks on WebAssembly alone, and with WebGPU. */
const ORT_FILES = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap((name) => [
  `${name}.mjs`,
  `${name}.wasm`,
])

/** Nothing but the site's own files, and WebAssembly; pictures and clips of the page's own making. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Serves the model and ONNX Runtime while developing, and puts them beside the site when it is built. */
function siteFiles(model: string): Plugin {
  return {
    name: 'sfv-site-files',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = new URL(request.url ?? '/', 'http://x').pathname
        const type = extname(path) === '.mjs' ? 'text/javascript' : 'application/wasm'
        if (path === `/model/${MANIFEST}`) {
          void manifestOf(model).then((manifest) => response.end(JSON.stringify(manifest)), next)
        } else if (path.startsWith('/model/')) {
          createReadStream(join(model, path.slice(7)))
            .on('error', next)
            .pipe(response)
        } else if (path.startsWith('/ort/') && ORT_FILES.includes(path.slice(5))) {
          response.setHeader('content-type', type)
          for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value)
          createReadStream(join(ORT, path.slice(5)))
            .on('error', next)
            .pipe(response)
        } else next()
      })
    },
    async writeBundle({ dir }) {
      await mkdir(join(dir!, 'ort'), { recursive: true })
      for (const file of ORT_FILES) await cp(join(ORT, file), join(dir!, 'ort', file))
      const manifest = await manifestOf(model)
      for (const path of Object.keys(manifest.files)) {
        await mkdir(dirname(join(dir!, 'model', path)), { recursive: true })
        await cp(join(model, path), join(dir!, 'model', path))
      }
      await writeFile(join(dir!, 'model', MANIFEST), JSON.stringify(manifest))
    },
  }
}

/** Writes the page's policy and the service worker that keeps the site. */
function offline(): Plugin {
  return {
    name: 'sfv-offline',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
    async closeBundle() {
      const all = (await readdir(OUT, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => relative(OUT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
        .sort()
      // ONNX Runtime's files are kept as they are used: a browser needs one of the two. The library keeps the model.
      const kept = all.filter((path) => !/^(ort|model)\/|^sw\.js$|\.map$/.test(path))
      const hash = createHash('sha256')
      for (const path of kept) hash.update(path).update(await readFile(join(OUT, path)))
      const paths = ['./', ...kept.filter((path) => path !== 'index.html').map((path) => `./${path}`)]
      await bundle({
        entryPoints: [join(here, 'src/sw.ts')],
        outfile: join(OUT, 'sw.js'),
        bundle: true,
        minify: true,
        format: 'esm',
        target: 'es2022',
        define: {
          PRECACHE: JSON.stringify(paths),
          EDITION: JSON.stringify(hash.digest('hex').slice(0, 12)),
          POLICY: JSON.stringify(POLICY),
        },
      })
    },
  }
}

export default defineConfig({
  root: here,
  base: './',
  publicDir: join(here, 'public'),
  plugins: [siteFiles(process.env['SFV_MODEL'] ?? join(root, 'models/fluent')), offline()],
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'browser', 'module', 'import', 'default'] },
  worker: { format: 'es' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { headers: ISOLATION },
  preview: { headers: ISOLATION },
})
