/**
 * Packs the package, and with each of the common bundlers installs it into an app, builds that, and runs it in
 * Chromium: `npm run bundlers -- [name...]`. Takes about ten minutes and 2 GB of disk; npm's registry and Chromium are
 * needed.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { APP_ANSWER, APP_SOURCE, putModel, runApp } from '../test/support/web-app.js'
import { launch } from '../test/web/support/chromium.js'
import { ISOLATED, Site } from '../test/web/support/site.js'

/** How an app is made with a bundler. */
interface Recipe {
  readonly packages: readonly string[]
  /** More files of the app than index.html, main.js and the model in public/. */
  readonly files?: Readonly<Record<string, string>>
  readonly build: readonly string[]
  /** The folder that it builds. */
  readonly output: string
  /** What the page gives to `fromPretrained`. */
  readonly options?: object
  /** Starts a development server at a port. */
  readonly serve?: (port: number) => readonly string[]
}

const PAGE = '<!doctype html><title>app</title><script type="module" src="./main.js"></script>\n'
const PLAIN_PAGE = '<!doctype html><title>app</title><script type="module" src="./bundle.js"></script>\n'
const HEADERS = JSON.stringify(ISOLATED)
const PORT = 4173

/** docs/web.md says what an app sets with each. */
const vite = (version: number): Recipe => ({
  packages: [`vite@${version}`],
  files: {
    'vite.config.js':
      `export default { server: { headers: ${HEADERS} }, ` +
      `optimizeDeps: { exclude: ['sfv', 'onnxruntime-web'] } }\n`,
  },
  build: ['vite', 'build'],
  output: 'dist',
  serve: (port) => ['vite', '--port', `${port}`, '--strictPort', '--host', '127.0.0.1'],
})

const RECIPES: Readonly<Record<string, Recipe>> = {
  vite6: vite(6),
  vite7: vite(7),
  vite8: vite(8),
  webpack: {
    packages: ['webpack', 'webpack-cli'],
    files: { 'dist/index.html': PLAIN_PAGE },
    build: ['webpack', '--mode', 'production', '--entry', './main.js', '--output-filename', 'bundle.js'],
    output: 'dist',
  },
  esbuild: {
    packages: ['esbuild'],
    files: { 'dist/index.html': PLAIN_PAGE },
    build: [
      'esbuild',
      'bundle=./main.js',
      'model-worker-wasm=sfv/web/model-worker-wasm.js',
      'model-worker-webgpu=sfv/web/model-worker-webgpu.js',
      'media-worker=sfv/web/media-worker.js',
      ...['--bundle', '--format=esm', '--outdir=dist', '--conditions=onnxruntime-web-use-extern-wasm'],
    ],
    output: 'dist',
    options: { runtime: '/ort/' },
  },
  next: {
    packages: ['next', 'react', 'react-dom'],
    files: {
      'next.config.mjs': `export default { output: 'export' }\n`,
      'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>\n',
      'app/page.js':
        `'use client'\nimport { useEffect } from 'react'\n` +
        `export default function Page() { useEffect(() => void import('../main.js'), []); return <p>app</p> }\n`,
    },
    build: ['next', 'build'],
    output: 'out',
  },
}

const root = fileURLToPath(new URL('..', import.meta.url))
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in RECIPES))
if (unknown.length > 0)
  throw new Error(`no such bundler: ${unknown.join(', ')}; there are ${Object.keys(RECIPES).join(', ')}`)

const work = mkdtempSync(join(tmpdir(), 'sfv-bundlers-'))
/** Runs a command; what it prints, warnings included. */
function run(cwd: string, command: string, ...args: readonly string[]): string {
  const env = { ...process.env, ...QUIET }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return `${stdout}${stderr}`
}

const QUIET = { ONNXRUNTIME_NODE_INSTALL: 'skip', NEXT_TELEMETRY_DISABLED: '1', CI: '1' }
const browser = await launch()
try {
  run(root, 'npm', 'pack', '--pack-destination', work)
  const tarball = join(work, readdirSync(work)[0]!)
  for (const [name, recipe] of Object.entries(RECIPES)) {
    if (asked.length > 0 && !asked.includes(name)) continue
    try {
      await tryBundler(name, recipe, tarball)
      console.log(`${name}: passed`)
    } catch (error) {
      console.log(`${name}: failed\n${(error as Error).message}`)
      process.exitCode = 1
    }
  }
} finally {
  await browser.close()
  rmSync(work, { recursive: true, force: true })
}

async function tryBundler(name: string, recipe: Recipe, tarball: string): Promise<void> {
  const folder = join(work, name)
  const files = { 'index.html': PAGE, 'main.js': APP_SOURCE, 'package.json': '{"private": true, "type": "module"}\n' }
  for (const [path, text] of Object.entries({ ...files, ...recipe.files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const printed = run(
    folder,
    'npm',
    'i',
    '--no-audit',
    '--no-fund',
    tarball,
    'onnxruntime-web@1.30',
    ...recipe.packages,
  )
  if (/unknown .*config/i.test(printed)) throw new Error(`npm warns: ${printed}`)
  run(folder, 'npx', '--no-install', ...recipe.build)
  await putModel(join(folder, 'public/model'))
  const folders = {
    '/model/': join(folder, 'public/model'),
    '/ort/': join(folder, 'node_modules/onnxruntime-web/dist'),
    '/': join(folder, recipe.output),
  }
  const site = await Site.open({ folders, headers: ISOLATED })
  try {
    check(await runApp(browser, site.url, recipe.options), 'the built app')
  } finally {
    await site.close()
  }
  if (!recipe.serve) return
  const server = spawn('npx', ['--no-install', ...recipe.serve(PORT)], { cwd: folder, stdio: 'ignore', detached: true })
  try {
    const url = `http://127.0.0.1:${PORT}/`
    await answers(url, server)
    check(await runApp(browser, url, recipe.options), 'the development server')
  } finally {
    process.kill(-server.pid!)
  }
}

function check(answer: unknown, what: string): void {
  if (JSON.stringify(answer) !== JSON.stringify(APP_ANSWER))
    throw new Error(`${what} answered ${JSON.stringify(answer)}`)
}

/** Waits until a server answers. */
async function answers(url: string, server: ChildProcess): Promise<void> {
  while (!(await fetch(url).catch(() => undefined))) {
    if (server.exitCode !== null) throw new Error(`the development server ended with exit code ${server.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
