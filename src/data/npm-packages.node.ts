import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once, on } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Parser, type ReadEntry } from 'tar'
import { UserError } from '../errors.js'
import { cacheFolder } from '../runtime/cache-folder.node.js'
import { makeFolder } from '../runtime/files.node.js'

/** Where packages are kept unless told. */
export const PACKAGES_FOLDER = join(cacheFolder(), 'packages')

/** One exact version of an npm package that carries data. */
export interface DataPackage {
  readonly name: string
  readonly version: string
  /** SHA-512 of the package file in base64, as npm prints it after `sha512-`. */
  readonly sha512: string
}

/** The file name that `npm pack` gives a package: `@scope/name` becomes `scope-name-version.tgz`. */
export function packageFile({ name, version }: DataPackage): string {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`
}

/**
 * Makes sure that a package lies whole in a folder: fetched by `npm pack`, with the user's npm settings, unless its
 * file is there with the right sum.
 *
 * @returns the path of the package file.
 * @throws UserError when npm cannot fetch it.
 */
export async function fetchPackage(wanted: DataPackage, folder: string, signal?: AbortSignal): Promise<string> {
  const path = join(folder, packageFile(wanted))
  if (await isWhole(path, wanted)) return path
  const temporary = await makeFolder(folder)
    .then(() => mkdtemp(join(folder, '.fetch-')))
    .catch((error: Error) => {
      throw new UserError(`cannot write ${folder}: ${error.message}; choose a folder you may write to`)
    })
  try {
    await npmPack(wanted, temporary, signal)
    const fetched = join(temporary, packageFile(wanted))
    if (!(await isWhole(fetched, wanted))) {
      throw new UserError(
        `npm fetched a ${wanted.name}@${wanted.version} with a wrong sum; check npm's registry setting`,
      )
    }
    await rename(fetched, path)
    return path
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/**
 * The files of a package that `wanted` accepts, in the order of the archive, read as the consumer asks for them.
 *
 * @throws UserError when the package file is damaged.
 */
export async function* readPackage(
  path: string,
  wanted: (name: string) => boolean,
): AsyncGenerator<{ readonly name: string; readonly bytes: Uint8Array }> {
  const input = createReadStream(path)
  const parser = new Parser({ strict: true })
  const entries = on(parser, 'entry', { close: ['end'] })
  input.on('error', (error) => parser.emit('error', error))
  input.pipe(parser)
  try {
    for await (const [entry] of entries as AsyncIterable<[ReadEntry]>) {
      const name = entry.path.replace(/^package\//, '')
      if (entry.type === 'File' && wanted(name)) yield { name, bytes: await entry.concat() }
      else entry.resume()
    }
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as Error).message}; remove it and fetch it again`)
  } finally {
    input.destroy()
  }
}

async function isWhole(path: string, { sha512 }: DataPackage): Promise<boolean> {
  const hash = createHash('sha512')
  try {
    await pipeline(createReadStream(path), hash)
  } catch {
    return false
  }
  return hash.digest('base64') === sha512
}

async function npmPack({ name, version }: DataPackage, folder: string, signal?: AbortSignal): Promise<void> {
  const args = ['pack', `${name}@${version}`, '--pack-destination', folder, '--ignore-scripts', '--loglevel', 'error']
  // npm is a command file on Windows, which only a shell starts.
  const child = spawn('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], shell: process.platform === 'win32', signal })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const [code] = (await once(child, 'close').catch((error: Error) => {
    signal?.throwIfAborted()
    throw new UserError(`cannot fetch ${name}: npm does not start (${error.message}); install npm and put it on PATH`)
  })) as [number]
  if (code !== 0) {
    const reason = log.trim().split('\n')[0] || `exit code ${code}`
    throw new UserError(`cannot fetch ${name}@${version}: ${reason}; check the network and npm's registry setting`)
  }
}
