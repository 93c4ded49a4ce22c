// Builds dist/: compiles src/, copies what the compiler leaves behind (JSON tables, pages) to the same places, and joins the
// command line into few files. Plain JavaScript, because it runs as npm's `prepare`, before anything is built.
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
await joinWorkers()
linkCommand(join(dist, 'bin', 'main.js'), join(root, 'node_modules', '.bin', 'sfv'))

/**
 * dist/bin: the command line with the libraries that it loads at each start. Node spends a tenth of a second on finding and
 * reading them file by file. It lies as deep as dist/cli, so that addresses relative to a module stay right.
 */
async function joinCommand() {
  const joined = ['commander', 'zod']
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const external = Object.keys(dependencies).filter((name) => !joined.includes(name))
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
  writeLicences('bin', joined)
}

/**
 * The browser's workers, each one file that imports nothing but ONNX Runtime: development servers hand such a file out as it
 * is, where they would have to find, and turn into modules, the packages that it imports.
 */
async function joinWorkers() {
  const joined = ['fflate', 'gifenc', 'mediabunny', 'zod']
  await build({
    absWorkingDir: root,
    entryPoints: ['dist/web/model-worker.js', 'dist/web/media-worker.js'],
    outdir: 'dist/web',
    allowOverwrite: true,
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    external: ['onnxruntime-web'],
    logLevel: 'warning',
  })
  writeLicences('web', joined)
}

function writeLicences(folder, names) {
  const licence = (name) => {
    const at = join(root, 'node_modules', name)
    const file = readdirSync(at).find((each) => /^licen[cs]e/i.test(each))
    return `${name}\n\n${readFileSync(join(at, file), 'utf8')}`
  }
  writeFileSync(join(dist, folder, 'LICENSES.txt'), names.map(licence).join('\n'))
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
