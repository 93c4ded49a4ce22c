import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { ImageToVideo } from '../pipeline/pretrained.node.js'
import { manifestOf } from '../weights/manifest.node.js'
import { modelFolder } from '../weights/model-folder.node.js'
import { sha256 } from './job.js'

/** The model that is served. */
export interface ModelIdentity {
  /** What the API calls it: the folder's name, or the id on the hub. */
  readonly name: string
  readonly folder: string
  /** SHA-256 of its files' checksums. */
  readonly digest: string
  /** The clip that it makes unless told. */
  readonly native: ImageToVideo['native']
  /** When its index was last written, in seconds since 1970. */
  readonly created: number
}

/**
 * Finds a model, fetching one of the hub the first time, and computes the checksum of its files.
 *
 * @throws UserError when there is no such model.
 */
export async function identifyModel(model: string): Promise<ModelIdentity> {
  const { isHubId, resolveHubModel } = await import('../weights/hub.node.js')
  const isFolder = (await stat(model).catch(() => undefined)) !== undefined
  const isOnHub = !isFolder && isHubId(model)
  const folder = await modelFolder(isOnHub ? await resolveHubModel(model) : resolve(model))
  const { files } = await manifestOf(folder)
  const digest = sha256(JSON.stringify(Object.entries(files).map(([path, file]) => [path, file.sha256])))
  const sfv = await ImageToVideo.fromPretrained(folder, { worker: false })
  const { native } = sfv
  await sfv.dispose()
  const created = Math.floor((await stat(folder)).mtimeMs / 1000)
  return { name: isOnHub ? model : basename(resolve(model)), folder, digest, native, created }
}
