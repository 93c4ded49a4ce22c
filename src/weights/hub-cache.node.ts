import { readdir, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { readCheckpointHeaders } from './checkpoint-files.node.js'
import { readPipelineFolder } from './diffusers.node.js'
import { hubHome } from './hub-access.node.js'
import { isIntact, type RemoteFile } from './hub-download.node.js'
import { configFileName } from './pipeline-index.js'

/** The folder of huggingface_hub's own cache: $HF_HUB_CACHE, else `hub` in `hubHome`. */
export function hubCacheFolder(env: NodeJS.ProcessEnv): string {
  const folder = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(hubHome(env), 'hub')
  return folder.replace(/^~(?=$|[/\\])/, homedir())
}

/**
 * The snapshot in a model's folder of huggingface_hub's cache (`models--owner--name`): that of the revision, or the
 * only one.
 *
 * @returns undefined where the folder is no such folder.
 * @throws UserError when it has several snapshots, none of them of that revision.
 */
export async function snapshotOf(root: string, revision = 'main'): Promise<string | undefined> {
  const snapshots = join(root, 'snapshots')
  const names = await foldersIn(snapshots)
  if (names.length === 0) return undefined
  const commit = (await readFile(join(root, 'refs', revision), 'utf8').catch(() => revision)).trim()
  const found = names.find((name) => name === commit) ?? (names.length === 1 ? names[0]! : undefined)
  if (found !== undefined) return join(snapshots, found)
  throw new UserError(
    `${root} has several snapshots, and none is of ${revision}; give one, such as ${snapshots}/${names[0]}`,
  )
}

/** Names of folders, and of links to folders, in a folder; none where there is no such folder. */
export async function foldersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)))
  return names.filter((_, i) => found[i]?.isDirectory()).sort()
}

/** The folder of a model in huggingface_hub's cache. */
function modelRoot(id: string, env: NodeJS.ProcessEnv): string {
  return join(hubCacheFolder(env), `models--${id.replace('/', '--')}`)
}

/** A file that huggingface_hub has in its cache, by its content; undefined where it has it not, or not whole. */
export async function cachedBlob(id: string, file: RemoteFile, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const name = file.sha256 ?? file.gitOid
  if (name === undefined || !/^[0-9a-f]{40,64}$/.test(name)) return undefined
  const path = join(modelRoot(id, env), 'blobs', name)
  return (await isIntact(path, file)) ? path : undefined
}

/** The snapshot of a model that huggingface_hub has in its cache, if all that sfv reads of it is there. */
export async function cachedSnapshot(
  id: string,
  revision: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    const snapshot = await snapshotOf(modelRoot(id, env), revision)
    if (snapshot === undefined) return undefined
    const { components } = await readPipelineFolder(snapshot)
    for (const [name, { className }] of components)
      if (configFileName(className) === 'config.json') await readCheckpointHeaders(join(snapshot, name))
    return snapshot
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
