import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserError } from '../errors.js'
import { linkTarget, makeFolder, temporaryBeside } from '../runtime/files.node.js'

/** Files about to be written: bytes by path, in order. */
export type OutputFiles = ReadonlyMap<string, Uint8Array>

/**
 * Like `writeFileAtomic` for files that belong together: all are written beside their places first, and only then
 * renamed, one after another.
 *
 * @throws UserError when one cannot be written; what was not yet renamed is removed.
 */
export async function writeFilesAtomic(files: OutputFiles): Promise<void> {
  const waiting = new Map<string, string>()
  let current = ''
  try {
    for (const [path, bytes] of files) {
      current = path
      const target = await linkTarget(path)
      await makeFolder(dirname(target))
      const temporary = temporaryBeside(target)
      waiting.set(target, temporary)
      await writeFlushed(temporary, bytes)
    }
    for (const [path, temporary] of waiting) {
      current = path
      await rename(temporary, path)
    }
  } catch (error) {
    await Promise.all([...waiting.values()].map((temporary) => rm(temporary, { force: true }).catch(() => undefined)))
    throw new UserError(`cannot write ${current}: ${(error as Error).message}; choose a folder you may write to`)
  }
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
