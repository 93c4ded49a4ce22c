import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { makeFolder } from '../runtime/files.node.js'
import { publish } from './publish.js'

/** The folder of a service: its jobs, its secret, and pictures and clips unless these lie in a bucket. */
export class DataFolder {
  private constructor(readonly path: string) {}

  /** @throws UserError when the folder cannot be made or takes no files. */
  static async open(path: string): Promise<DataFolder> {
    try {
      await makeFolder(join(path, 'jobs'))
    } catch (error) {
      throw new UserError(`cannot use ${path}: ${(error as Error).message}; give --data a folder you may write to`)
    }
    return new DataFolder(path)
  }

  /** Where the jobs of the embedded queue lie. */
  get jobs(): string {
    return join(this.path, 'jobs')
  }

  /** Removes what a process that was killed has left half-written more than an hour ago. */
  async sweep(): Promise<void> {
    for (const name of ['inputs', 'results', 'jobs'])
      for (const file of await readdir(join(this.path, name)).catch(() => [])) {
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
