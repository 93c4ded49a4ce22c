// Builds dist/: compiles src/, copies what the compiler leaves behind (JSON tables, pages) to the same places, and
// joins the command line, and the library for browsers, into few files. Plain JavaScript, because it runs as npm's
// `prepare`, before anything is built.
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

rmSync(dist, { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

cpSync(join(root, 'src'), dist, { recursive: true, filter: (path) => extname(path) !== '.ts' })
await joinCommand()
await joinWeb()
linkCommand(join(dist, 'bin', 'main.js'), join(root, 'node_modules', '.bin', 'sfv'))

/**
 * dist/bin: the command line with the libraries that it loads at each start. Node spends a tenth of a second on finding
 * and reading them file by file. It lies as deep as dist/cli, so that addresses relative to a module stay right.
 */
async function joinCommand() {
  const joined = ['commander', 'zod']
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const external = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !joined.includes(name))
  await build({
    absWorkingDir: root,
    entryPoints: ['dist/cli/main.js'],
    outdir: 'dist/bin',
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external,
    // commander is CommonJS.
    banner: { js: `import { createRequire as from } from 'node:module'; const require = from(import.meta.url);` },
    logLevel: 'warning',
  })
  writeLicences(joined, 'bin')
}

/**
 * dist/web: the page's part and each worker as one file, with all that they import but ONNX Runtime. Bundlers that make
 * a worker one file can then take them, and a development server finds no dependency late, for which it would reload
 * the page.
 */
async function joinWeb() {
  const names = ['index', 'media-worker', 'model-worker-wasm', 'model-worker-webgpu']
  const folder = join(dist, 'web')
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => `dist/web/${name}.js`),
    outdir: 'dist/web',
    allowOverwrite: true,
    bundle: true,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    external: ['onnxruntime-web'],
    logLevel: 'warning',
  })
  const replaced = readdirSync(folder).filter((file) => file.endsWith('.js') && !names.includes(file.slice(0, -3)))
  for (const file of replaced) rmSync(join(folder, file))
  const packages = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
  writeLicences([...new Set(packages.filter((name) => name !== undefined))].sort(), 'web')
}

/** Puts the licences of packages beside the files that they were joined into. */
function writeLicences(packages, folder) {
  const licence = (name) => {
    const path = join(root, 'node_modules', name)
    const file = readdirSync(path).find((each) => /^licen[cs]e/i.test(each))
    return `${name}\n\n${readFileSync(join(path, file), 'utf8')}`
  }
  writeFileSync(join(dist, folder, 'LICENSES.txt'), packages.map(licence).join('\n'))
}

/**
 * npm links the commands of dependencies, not the package's own: without this link the first `npx sfv` in a clone would
 * install the clone once more, into npx's cache. Windows wants another kind of link and keeps that detour.
 */
function linkCommand(command, link) {
  if (process.platform === 'win32' || !existsSync(command)) return
  chmodSync(command, 0o755)
  rmSync(link, { force: true })
  symlinkSync(command, link)
}
