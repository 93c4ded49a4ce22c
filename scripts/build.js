// Builds dist/: compiles src/, then copies what the compiler leaves behind (JSON tables, pages) to the same places.
// Plain JavaScript, because it runs as npm's `prepare`, before anything is built.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

rmSync(dist, { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

cpSync(join(root, 'src'), dist, { recursive: true, filter: (path) => extname(path) !== '.ts' })
linkCommand(join(dist, 'cli', 'main.js'), join(root, 'node_modules', '.bin', 'sfv'))

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
