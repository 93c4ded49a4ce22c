import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { whileUnfinished } from '../runtime/unfinished.node.js'
import { STANDARD } from './output-names.js'

/**
 * Lends the path of a clip; one on standard input becomes a file while the work goes on, as videos are read in any
 * order.
 *
 * @throws UserError when standard input is empty; what `work` throws speaks of standard input.
 */
export async function withClipFile<T>(clip: string, work: (path: string) => Promise<T>): Promise<T> {
  if (clip !== STANDARD) return work(clip)
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  const bytes = Buffer.concat(parts)
  if (bytes.length === 0) throw new UserError('standard input is empty; pipe a clip into it')
  const path = join(tmpdir(), `sfv-stdin-${randomBytes(4).toString('hex')}.${await endingOf(bytes)}`)
  return whileUnfinished(path, async () => {
    try {
      await writeFile(path, bytes, { flag: 'wx', mode: 0o600 })
      return await work(path)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(error.message.replaceAll(path, 'standard input'))
    } finally {
      await rm(path, { force: true })
    }
  })
}

/** The ending of a picture's format; all else is left to ffmpeg, which looks into the file itself. */
async function endingOf(bytes: Uint8Array): Promise<string> {
  const { readImageHeader } = await import('../media/image-header.js')
  try {
    return readImageHeader(bytes, 'standard input').format
  } catch {
    return 'mkv'
  }
}
