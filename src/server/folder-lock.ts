import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { publish } from './data-folder.js'

/**
 * Keeps a second service from using the same jobs. The lock of a process that was killed counts no more.
 *
 * @returns gives the folder free
 * @throws UserError when another process has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'serve.pid')
  const own = `${process.pid}`
  for (;;) {
    await publish(path, Buffer.from(own))
    const holder = await readFile(path, 'utf8').catch(() => '')
    // A process of a container that was restarted may have this very number.
    if (holder === own) break
    if (holder !== '' && isAlive(Number(holder))) {
      throw new UserError(
        `${folder} is used by another sfv serve (process ${holder}); give another --data, or end that one`,
      )
    }
    await rm(path, { force: true })
  }
  return () => rm(path, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
