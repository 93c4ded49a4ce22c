import { rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { ListFileEntry } from '@huggingface/hub'
import { UserError } from '../errors.js'
import { cacheFolder } from '../runtime/cache-folder.node.js'
import { makeFolder, writeFileAtomic } from '../runtime/files.node.js'
import { hubAccess, type HubAccess } from './hub-access.node.js'
import { cachedBlob, cachedSnapshot } from './hub-cache.node.js'
import { copyInto, download, fileSize, hasContent, isIntact, type RemoteFile } from './hub-download.node.js'
import { neededFiles } from './hub-files.js'
import { parseJsonObject } from './json.js'
import { leftBytes } from './part-file.node.js'
import { parsePipelineIndex, PIPELINE_INDEX, type ComponentType } from './pipeline-index.js'

/** What `pullModel` reports: bytes of all files together. */
export interface PullProgress {
  readonly file: string
  readonly done: number
  readonly total: number
}

/** How a model is fetched. */
export interface PullOptions {
  /** A branch, tag or commit. Default: main. */
  readonly revision?: string | undefined
  /** Where to. Default: `hubFolder` of the id. */
  readonly folder?: string | undefined
  readonly onProgress?: (progress: PullProgress) => void
  /** See `hubAccess`; SFV_CACHE for `hubFolder`. */
  readonly env?: NodeJS.ProcessEnv
}

/** What lies in the model's folder now. */
export interface PulledModel {
  readonly folder: string
  readonly files: readonly string[]
  readonly bytes: number
  /** Bytes that came over the network; the others were there. */
  readonly fetched: number
}

/** Whether a text has the form of a hub id: owner/name. */
export function isHubId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text)
}

/** The folder that a hub id is kept in: below `models` in the cache's folder. */
export function hubFolder(id: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'models', ...id.split('/'))
}

/**
 * Fetches a model from the Hugging Face hub: what is there and intact is kept, what huggingface_hub has in its cache is
 * copied, what was broken off goes on where it stopped, and every file is checked against what the hub says of it.
 * model_index.json comes last: a folder that has it is whole.
 *
 * @throws UserError when there is no such model, it is gated, the network or the disk fails, or a file is damaged.
 */
export async function pullModel(id: string, options: PullOptions = {}): Promise<PulledModel> {
  const { revision = 'main', onProgress, env = process.env } = options
  if (!isHubId(id)) throw new UserError(`${id} is not a hub id; give owner/name`)
  const folder = options.folder ?? hubFolder(id, env)
  const hub = await hubAccess(env, `${id} is not in ${folder}`)
  try {
    const remote = await listRemote(hub, id, revision)
    // The client's own downloads cannot go on where they stopped, and wait for ever on a connection that was cut.
    const get = (path: string, from = 0) => request(hub, id, revision, path, from)
    const read = async (path: string) => {
      const bytes = new Uint8Array(await (await get(path)).arrayBuffer())
      if (await hasContent([bytes], remote.get(path) ?? { size: bytes.length })) return bytes
      throw new UserError(`${id}/${path}: what came is damaged (its checksum is not the hub's); pull again`)
    }
    const index = await read(PIPELINE_INDEX)
    const indexName = `${id}/${PIPELINE_INDEX}`
    const listed = parsePipelineIndex(parseJsonObject(index, indexName), indexName)
    const components = new Map([...listed, ...(await unlistedUnets(remote.keys(), listed, read))])
    const files = await neededFiles(remote.keys(), components, id, read)
    const total = files.reduce((sum, path) => sum + remote.get(path)!.size, 0)
    await makeFolder(folder)
    await checkRoom(folder, id, files, total)
    let done = 0
    let fetched = 0
    for (const path of files.slice(0, -1)) {
      const target = join(folder, path)
      const file = remote.get(path)!
      if (!(await isIntact(target, file))) {
        // Until all files are of this revision, the folder is no model.
        if ((await fileSize(target)) !== undefined) await rm(join(folder, PIPELINE_INDEX), { force: true })
        const report = (bytes: number) => onProgress?.({ file: path, done: done + bytes, total })
        const kept = await cachedBlob(id, file, env)
        if (kept === undefined) fetched += await download((from) => get(path, from), target, file, report)
        else await copyInto(kept, target)
      }
      done += file.size
      onProgress?.({ file: path, done, total })
    }
    await writeFileAtomic(join(folder, PIPELINE_INDEX), index)
    onProgress?.({ file: PIPELINE_INDEX, done: total, total })
    return { folder, files, bytes: total, fetched }
  } catch (error) {
    throw hub.errorOf(error, id)
  }
}

/**
 * Folders that the index does not list, but whose config.json names the class of the unet: what was distilled from it.
 */
async function unlistedUnets(
  paths: Iterable<string>,
  listed: ReadonlyMap<string, ComponentType>,
  read: (path: string) => Promise<Uint8Array>,
): Promise<[string, ComponentType][]> {
  const unet = listed.get('unet')!
  const found: [string, ComponentType][] = []
  for (const path of paths) {
    const name = /^(\w+)\/config\.json$/.exec(path)?.[1]
    if (name === undefined || listed.has(name)) continue
    if (parseJsonObject(await read(path), path)['_class_name'] === unet[1]) found.push([name, unet])
  }
  return found
}

/** The files of a model on the hub, by their paths. */
async function listRemote(hub: HubAccess, id: string, revision: string): Promise<Map<string, RemoteFile>> {
  const { listFiles } = await import('@huggingface/hub')
  const entries: AsyncIterable<ListFileEntry> = listFiles({
    ...{ repo: { type: 'model', name: id }, revision, hubUrl: hub.url, recursive: true, fetch: hub.fetch },
  })
  const files = new Map<string, RemoteFile>()
  for await (const { type, path, size, oid, lfs } of entries)
    if (type === 'file') files.set(path, { size: lfs?.size ?? size, sha256: lfs?.oid, gitOid: lfs ? undefined : oid })
  return files
}

async function request(hub: HubAccess, id: string, revision: string, path: string, from: number): Promise<Response> {
  const place = path.split('/').map(encodeURIComponent).join('/')
  const url = `${hub.url}/${id}/resolve/${encodeURIComponent(revision)}/${place}`
  const response = await hub.fetch(url, from > 0 ? { headers: { range: `bytes=${from}-` } } : {})
  // A part that is longer than the file is of another revision.
  if (response.status === 416 && from > 0) return request(hub, id, revision, path, 0)
  if (response.status === 404) throw new UserError(`${id} has no ${path}; it is not a model in the layout of diffusers`)
  if (!response.ok) throw Object.assign(new Error('refused'), { statusCode: response.status })
  return response
}

/** Throws a UserError when the disk has no room for what is missing. */
async function checkRoom(folder: string, id: string, files: readonly string[], total: number): Promise<void> {
  const sizes = files.map((path) => join(folder, path)).map(async (path) => (await fileSize(path)) ?? leftBytes(path))
  const missing = (await Promise.all(sizes)).reduce((rest, size) => rest - size, total)
  const disk = await statfs(folder)
  if (missing > disk.bavail * disk.bsize)
    throw new UserError(`${folder}: ${id} needs ${(missing / 1e9).toFixed(1)} GB more than are free; make room`)
}

/**
 * The folder of a model that was pulled before, that huggingface_hub has in its cache, or that is pulled now.
 *
 * @throws UserError as `pullModel` does.
 */
export async function resolveHubModel(id: string, options: PullOptions = {}): Promise<string> {
  const { revision, env = process.env } = options
  const folder = options.folder ?? hubFolder(id, env)
  const whole = await stat(join(folder, PIPELINE_INDEX)).catch(() => undefined)
  if (whole) return folder
  return (await cachedSnapshot(id, revision, env)) ?? (await pullModel(id, options)).folder
}
