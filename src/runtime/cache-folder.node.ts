import { homedir } from 'node:os'
import { join } from 'node:path'

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
