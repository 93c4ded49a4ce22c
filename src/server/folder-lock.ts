import { readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../errors.js'
import { publish } from './publish.js'

/** How often the holder of a lock shows that it lives, in milliseconds. */
const BEAT_MS = 2000

/**
 * Keeps a second service from using the same jobs. The lock of a process that was killed counts no more: on this
 * machine its number tells, on another one, or in another container, that it shows no life.
 *
 * @returns gives the folder free
 * @throws UserError when another process has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'serve.lock')
  const own = `${hostname()} ${process.pid}`
  for (;;) {
    await publish(path, Buffer.from(own))
    const holder = await readFile(path, 'utf8').catch(() => '')
    // A process of a container that was restarted may have this very number.
    if (holder === own) break
    if (holder !== '' && (await isAlive(path, holder))) {
      throw new UserError(`${folder} is used by another sfv serve (${holder}); give another --data, or end that one`)
    }
    await rm(path, { force: true })
  }
  const beat = setInterval(() => void touch(path), BEAT_MS)
  return async () => {
    clearInterval(beat)
    await rm(path, { force: true })
  }
}

/** Whether the process lives that a lock names, by its machine and its number there. */
async function isAlive(path: string, holder: string): Promise<boolean> {
  const [host, pid] = holder.split(' ')
  if (host !== hostname()) return isTouched(path)
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether somebody touches a file within some beats; clocks of two machines are not compared. */
async function isTouched(path: string): Promise<boolean> {
  const before = await timeOf(path)
  await sleep(3 * BEAT_MS)
  return (await timeOf(path)) !== before
}

async function timeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}
