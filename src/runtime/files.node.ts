import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../errors.js'
import { whileUnfinished } from './unfinished.node.js'

/**
 * Writes a file so that no reader ever sees half of it: into a hidden file of the same folder, flushed, then renamed.
 *
 * @throws UserError when the folder cannot be made or the file cannot be written; nothing is left behind.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  let temporary = ''
  try {
    const target = await linkTarget(path)
    temporary = temporaryBeside(target)
    await makeFolder(dirname(target))
    await whileUnfinished(temporary, async () => {
      await writeFile(temporary, data)
      const handle = await open(temporary, 'r')
      await handle.sync()
      await handle.close()
      await rename(temporary, target)
    })
  } catch (error) {
    if (temporary !== '') await rm(temporary, { force: true }).catch(() => undefined)
    throw new UserError(`cannot write ${path}: ${(error as Error).message}; choose a folder you may write to`)
  }
}

/**
 * Makes a folder and those above it that are missing. Node's own recursive `mkdir` never ends where the system denies
 * that the folder above is there, as Linux does below /proc.
 *
 * @returns the outermost folder that was made; undefined where all were there.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const missing: string[] = []
  let folder = resolve(path)
  for (; await isMissing(folder); folder = dirname(folder)) missing.unshift(folder)
  if (missing.length === 0 && !(await isFolder(folder))) missing.push(folder)
  for (const each of missing)
    await mkdir(each).catch(async (error: unknown) => {
      // Somebody else may have made it meanwhile.
      if (!(await isFolder(each))) throw error
    })
  return missing[0]
}

function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT' || code === 'ENOTDIR',
  )
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** A hidden name beside a file for what is about to become it, also where the file's own name is as long as may be. */
export function temporaryBeside(path: string): string {
  const name = Buffer.from(basename(path))
    .subarray(0, 200)
    .toString()
    .replace(/\ufffd$/, '')
  return join(dirname(path), `.${name}.${randomBytes(4).toString('hex')}.part`)
}

/**
 * Where a link leads, also one to a file that is not there yet; other paths lead to themselves. Renaming to the path
 * itself would put a file in the place of the link.
 */
export async function linkTarget(path: string, depth = 0): Promise<string> {
  const link = await readlink(path).catch(() => undefined)
  // The depth at which Linux gives up.
  if (link === undefined || depth >= 40) return path
  return linkTarget(resolve(dirname(path), link), depth + 1)
}

/** SHA-256 of files one after another, in hexadecimal; read in pieces, so that they may be larger than memory. */
export async function sha256OfFiles(paths: Iterable<string>): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths)
    for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 22 })) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

/** Bytes of a file, or of all files in a folder; what cannot be read counts nothing. */
export async function bytesIn(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true }).catch(() => [''])
  const sizes = names.map(async (name) => {
    const found = await stat(join(path, name)).catch(() => undefined)
    return found?.isFile() ? found.size : 0
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
