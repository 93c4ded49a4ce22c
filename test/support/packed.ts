import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { extract } from 'tar'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Puts the package into the node_modules of a folder, as an install of its tarball does: what `npm pack` takes and
 * nothing else, with the dependencies of this checkout beside it.
 *
 * @returns the file of the command `sfv`
 */
export async function installPacked(folder: string): Promise<string> {
  if (isStale()) execFileSync(process.execPath, [join(root, 'scripts', 'build.js')], { stdio: 'ignore' })
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const printed = execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const [packed] = JSON.parse(printed) as [{ filename: string }]
  const target = join(folder, 'node_modules', 'sfv')
  mkdirSync(target, { recursive: true })
  await extract({ file: join(folder, packed.filename), cwd: target, strip: 1 })
  const manifest = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >
  for (const name of Object.keys(manifest['dependencies']!)) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
  return join(target, manifest['bin']!['sfv']!)
}

/** Whether a source is newer than what was built of it. */
function isStale(): boolean {
  const built = join(root, 'dist', 'bin', 'main.js')
  if (!existsSync(built)) return true
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return sources.some((name) => statSync(join(root, 'src', name)).mtimeMs > statSync(built).mtimeMs)
}
