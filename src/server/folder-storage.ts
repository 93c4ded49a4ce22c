import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { UserError } from '../errors.js'
import { makeFolder } from '../runtime/files.node.js'
import { publish } from './publish.js'
import type { Storage, Stored } from './storage.js'

/** Files in a folder, which several machines may share. */
export class FolderStorage implements Storage {
  private constructor(readonly path: string) {}

  /** @throws UserError when the folder cannot be made. */
  static async open(path: string): Promise<FolderStorage> {
    try {
      for (const name of ['inputs', 'results']) await makeFolder(join(path, name))
    } catch (error) {
      throw new UserError(`cannot use ${path}: ${(error as Error).message}; give --data a folder you may write to`)
    }
    return new FolderStorage(path)
  }

  async has(name: string): Promise<boolean> {
    return (await stat(join(this.path, name)).catch(() => undefined)) !== undefined
  }

  async read(name: string): Promise<Stored | undefined> {
    const handle = await open(join(this.path, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (!handle) return undefined
    const { size } = await handle.stat()
    return { size, body: Readable.toWeb(handle.createReadStream()) as ReadableStream<Uint8Array> }
  }

  async keep(name: string, bytes: Uint8Array): Promise<void> {
    if (!(await this.has(name))) await publish(join(this.path, name), bytes)
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true })
  }
}
