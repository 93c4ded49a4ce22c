import { UserError } from '../errors.js'
import { readFrames } from '../media/decode.node.js'
import { buildStore, MIN_FRAMES, type BuildOptions, type ClipSource } from './build.node.js'
import { listClips } from './clip-files.node.js'
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
 * Makes a clip store of a folder of files. The middle of each picture, in the store's aspect ratio, is taken. A share
 * of the files, chosen by their names, is the `test` split. Every file that is left out is reported with its reason.
 *
 * @throws UserError when the folder cannot be read or holds no clip.
 */
export async function buildFolder({ folder, test, ...options }: FolderOptions): Promise<StoreIndex> {
  const { clips, passedOver } = await listClips(folder)
  for (const { name, reason } of passedOver) options.onProgress?.({ type: 'skip', name, reason })
  if (clips.length === 0) {
    throw new UserError(`${folder} holds no video, GIF, WebP or other picture; name a folder that does`)
  }
  const sampling = { fps: options.fps, size: options.size, minFrames: MIN_FRAMES }
  const sources = clips.map(({ name, path }): ClipSource => ({
    ...{ name, figure: name, split: splitByName(name, test) },
    frames: () => readFrames(path, { sampling }),
  }))
  return buildStore(sources, sources.length, options)
}
