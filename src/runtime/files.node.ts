import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../errors.js'

/**
 * Writes a file so that no reader ever sees half of it: into a hidden file of the same folder, flushed, then renamed.
 *
 * @throws UserError when the folder cannot be made or the file cannot be written; nothing is left behind.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`)
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(temporary, data)
    const handle = await open(temporary, 'r')
    await handle.sync()
    await handle.close()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new UserError(`cannot write ${path}: ${(error as Error).message}; choose a folder you may write to`)
  }
}

/** SHA-256 of files one after another, in hexadecimal; read in pieces, so that they may be larger than memory. */
export async function sha256OfFiles(paths: Iterable<string>): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths)
    for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(bytes as Buffer)
  return hash.digest('hex')
}
