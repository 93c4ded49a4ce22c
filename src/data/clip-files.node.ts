import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { UserError } from '../errors.js'
import { frameNames, isClipName } from '../media/decode.node.js'

/** What a folder holds: names are relative to it, with `/`, in order. */
export interface ClipFiles {
  /** Clips and pictures, and folders that are a clip of PNG frames. */
  readonly clips: readonly { readonly name: string; readonly path: string }[]
  /** Everything else, each with a sentence that says why it is left out. */
  readonly passedOver: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * Lists the clips of a folder and of the folders in it. Links to files and to folders are followed; what was found
 * under one name is not taken again under another.
 *
 * @throws UserError when the folder cannot be read.
 */
export async function listClips(folder: string): Promise<ClipFiles> {
  const listing = new Listing(folder)
  try {
    await listing.walk(folder, await realpath(folder))
  } catch (error) {
    const { message } = error as Error
    throw new UserError(`cannot read the folder ${folder}: ${message}; name a folder of videos, GIFs or WebPs`)
  }
  return listing
}

class Listing implements ClipFiles {
  readonly clips: { name: string; path: string }[] = []
  readonly passedOver: { name: string; reason: string }[] = []
  /** The names of files and folders by where they really lie. */
  private readonly found = new Map<string, string>()

  constructor(private readonly root: string) {}

  async walk(folder: string, real: string): Promise<void> {
    this.found.set(real, this.nameOf(folder))
    const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
    const frames = new Set(frameNames(entries.map(({ name }) => name)))
    if (frames.size > 0) this.clips.push({ name: this.nameOf(folder) || 'frames', path: folder })
    for (const entry of entries) if (!frames.has(entry.name)) await this.look(folder, entry)
  }

  private async look(folder: string, { name }: Dirent): Promise<void> {
    const path = join(folder, name)
    if (name.startsWith('.')) return this.passOver(path, 'its name begins with a dot')
    const kind = await stat(path).catch((error: NodeJS.ErrnoException) => error)
    if (kind instanceof Error) {
      const isLost = kind.code === 'ENOENT' || kind.code === 'ELOOP'
      return this.passOver(path, isLost ? 'it is a link that leads nowhere' : kind.message)
    }
    if (!kind.isDirectory() && !kind.isFile()) return this.passOver(path, 'it is neither a file nor a folder')
    if (kind.isFile() && !isClipName(name)) return this.passOver(path, 'its name ends like no clip or picture')
    const real = await realpath(path)
    const before = this.found.get(real)
    if (before !== undefined) return this.passOver(path, `it is ${before || 'the folder itself'} under another name`)
    if (kind.isFile()) {
      this.found.set(real, this.nameOf(path))
      this.clips.push({ name: this.nameOf(path), path })
      return
    }
    await this.walk(path, real).catch((error: Error) => this.passOver(path, error.message))
  }

  private passOver(path: string, reason: string): void {
    this.passedOver.push({ name: this.nameOf(path), reason: `passed over ${path}: ${reason}` })
  }

  private nameOf(path: string): string {
    return relative(this.root, path).split(sep).join('/')
  }
}
