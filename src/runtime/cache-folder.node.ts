import { readdir, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors.js'

/**
 * The folder for what can be made or fetched again: $SFV_CACHE, else `sfv` in the system's folder for caches
 * ($XDG_CACHE_HOME, by default ~/.cache; ~/Library/Caches; %LOCALAPPDATA%).
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['SFV_CACHE']) return env['SFV_CACHE']
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'sfv')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'sfv')
  if (platform === 'win32' && env['LOCALAPPDATA']) return join(env['LOCALAPPDATA'], 'sfv', 'cache')
  return join(homedir(), '.cache', 'sfv')
}

/** Bytes of each file and folder in the cache's folder, by name; nothing where there is no such folder. */
export async function cacheParts(folder: string): Promise<Record<string, number>> {
  const names = await readdir(folder).catch(() => [])
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await bytesIn(join(folder, name))] as const)),
  )
}

/** Bytes of a file, or of all files in a folder; what goes away meanwhile counts nothing. */
export async function bytesIn(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) return found?.size ?? 0
  const names = await readdir(path).catch(() => [])
  const sizes = await Promise.all(names.map((name) => bytesIn(join(path, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/**
 * Removes the optimised graphs of the cache's folder.
 *
 * @throws UserError when they cannot be removed.
 */
export async function clearGraphs(folder: string): Promise<void> {
  const graphs = join(folder, 'graphs')
  try {
    await rm(graphs, { recursive: true, force: true })
  } catch (error) {
    throw new UserError(`cannot remove ${graphs}: ${(error as Error).message}; remove it as the user it belongs to`)
  }
}
