import { link, open, rm } from 'node:fs/promises'
import { temporaryBeside } from '../runtime/files.node.js'

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
