import { build as bundle } from 'esbuild'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { siteFiles } from './site-files.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..')
const MODEL = process.env['SFV_MODEL'] ?? join(root, 'models/fluent')
const ORT = join(root, 'node_modules/onnxruntime-web/dist')
const OUT = process.env['SFV_STUDIO_OUT'] ?? join(root, 'dist-studio')

/** Further hosts that models may be opened from, such as `https://huggingface.co`, parted by spaces. */
const MODEL_ORIGINS = (process.env['SFV_MODEL_ORIGINS'] ?? '').split(/\s+/).filter((origin) => origin !== '')

/** Nothing but the site's own files, and WebAssembly; pictures, clips and workers (mediabunny's) of the page's own making. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  ["connect-src 'self' blob:", ...MODEL_ORIGINS].join(' '),
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
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
  plugins: [siteFiles(MODEL, ORT, ISOLATION), offline()],
  define: { MODEL_ORIGINS: JSON.stringify(MODEL_ORIGINS) },
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'browser', 'module', 'import', 'default'] },
  // What workers need must be known from the start: dependencies that are found late make the development server reload the page.
  optimizeDeps: { entries: ['index.html', 'src/app.ts', '../src/web/*-worker*.ts'] },
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
