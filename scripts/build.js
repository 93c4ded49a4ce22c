// Builds dist/: compiles src/, then copies what the compiler leaves behind (JSON tables, pages) to the same places.
// Plain JavaScript, because it runs as npm's `prepare`, before anything is built.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

rmSync(dist, { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

cpSync(join(root, 'src'), dist, { recursive: true, filter: (path) => extname(path) !== '.ts' })

const command = join(dist, 'cli', 'main.js')
if (existsSync(command)) chmodSync(command, 0o755)
