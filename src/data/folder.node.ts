import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { UserError } from '../errors.js'
import { decodeClip, isClipName } from '../media/decode.node.js'
import { buildStore, MIN_FRAMES, type BuildOptions, type ClipSource } from './build.node.js'
import { splitByName } from './splits.js'
import type { StoreIndex } from './store.node.js'

/** What `buildFolder` is told. */
export interface FolderOptions extends BuildOptions {
  /** Folder whose videos, GIFs and pictures, also those in folders within, become clips. */
  readonly folder: string
  /** Share of the files that is for testing. A tenth unless told. */
  readonly test?: number
}

/**
 * Makes a clip store of a folder of files. The middle of each picture, in the store's aspect ratio, is taken. A share of the files,
 * chosen by their names, is the `test` split.
 *
 * @throws UserError when the folder cannot be read or holds no clip.
 */
export async function buildFolder({ folder, test, ...options }: FolderOptions): Promise<StoreIndex> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new UserError(`cannot read the folder ${folder}: ${error.message}; name a folder of videos, GIFs or WebPs`)
  })
  const paths = entries.filter((entry) => entry.isFile() && isClipName(entry.name)).map(pathOf)
  if (paths.length === 0) {
    throw new UserError(`${folder} holds no video, GIF, WebP or other picture; name a folder that does`)
  }
  const sampling = { fps: options.fps, size: options.size, minFrames: MIN_FRAMES }
  const sources = paths.sort().map((path): ClipSource => {
    const name = relative(folder, path).split(sep).join('/')
    return { name, figure: name, split: splitByName(name, test), decode: () => decodeClip(path, { sampling }) }
  })
  return buildStore(sources, sources.length, options)
}

function pathOf(entry: { name: string; parentPath?: string; path?: string }): string {
  // `parentPath` came with Node 20.12; Node 20.0 to 20.11 call it `path`.
  return join(entry.parentPath ?? entry.path ?? '', entry.name)
}
