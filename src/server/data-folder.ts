import { randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { makeFolder, temporaryBeside, writeFileAtomic } from '../runtime/files.node.js'
import { CLIP_FORMATS, sha256, type ClipFormat, type Execution } from './job.js'

/**
 * The files of a service: pictures that were sent in and clips that were made, each named by what it is made of.
 * Several machines may share the folder.
 */
export class DataFolder {
  private constructor(readonly path: string) {}

  /** @throws UserError when the folder cannot be made or takes no files. */
  static async open(path: string): Promise<DataFolder> {
    try {
      for (const name of ['inputs', 'results', 'jobs']) await makeFolder(join(path, name))
    } catch (error) {
      throw new UserError(`cannot use ${path}: ${(error as Error).message}; give --data a folder you may write to`)
    }
    return new DataFolder(path)
  }

  /** Where the jobs of the embedded queue lie. */
  get jobs(): string {
    return join(this.path, 'jobs')
  }

  /** The path of a picture by its SHA-256. */
  input(digest: string): string {
    return join(this.path, 'inputs', digest)
  }

  /** The path of a clip. */
  result(identity: string, format: ClipFormat): string {
    return join(this.path, 'results', `${identity}.${format}`)
  }

  /** Keeps a picture, and returns its SHA-256. */
  async keepInput(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes)
    if (!(await exists(this.input(digest)))) await writeFileAtomic(this.input(digest), bytes)
    return digest
  }

  /** Whether all files of a clip are there. */
  async isMade({ identity, formats }: Pick<Execution, 'identity' | 'formats'>): Promise<boolean> {
    for (const format of formats) if (!(await exists(this.result(identity, format)))) return false
    return true
  }

  /** Removes the files that no job needs any longer. */
  async forget({ identity, input }: Execution, needed: { identity: boolean; input: boolean }): Promise<void> {
    if (!needed.identity) for (const format of CLIP_FORMATS) await rm(this.result(identity, format), { force: true })
    if (!needed.input) await rm(this.input(input), { force: true })
  }

  /** Removes what a process that was killed has left half-written more than an hour ago. */
  async sweep(): Promise<void> {
    for (const name of ['inputs', 'results', 'jobs'])
      for (const file of await readdir(join(this.path, name))) {
        if (!file.endsWith('.part')) continue
        const path = join(this.path, name, file)
        const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now())
        if (age > 3_600_000) await rm(path, { force: true })
      }
  }

  /** A secret of this service, which webhooks are signed with; made when it is first asked for. */
  async webhookSecret(): Promise<string> {
    const path = join(this.path, 'webhook-secret')
    const secret = `whsec_${randomBytes(32).toString('base64')}`
    await publish(path, Buffer.from(secret), 0o600)
    return readFile(path, 'utf8')
  }
}

/**
 * Puts a file in its place, whole and flushed, unless there is one: of two that finish the same clip, the first one's
 * bytes stay.
 */
export async function publish(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const temporary = temporaryBeside(path)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(temporary, { force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
