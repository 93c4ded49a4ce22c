import { mkdir, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ListFileEntry } from '@huggingface/hub'
import { UserError } from '../errors.js'
import { cacheFolder } from '../runtime/cache-folder.node.js'
import { sha256OfFiles, writeFileAtomic } from '../runtime/files.node.js'
import { parseJsonObject } from './json.js'
import { PIPELINE_INDEX } from './pipeline-index.js'

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
  /** HF_TOKEN for gated models, HF_ENDPOINT for another hub, SFV_OFFLINE or HF_HUB_OFFLINE to forbid the network. */
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

const CONFIGS = ['config.json', 'scheduler_config.json', 'preprocessor_config.json']
const WEIGHTS = ['diffusion_pytorch_model', 'model']
const PART = '.part'

/** Whether a text has the form of a hub id: owner/name. */
export function isHubId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text)
}

/** The folder that a hub id is kept in: below `models` in the cache's folder. */
export function hubFolder(id: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'models', ...id.split('/'))
}

/**
 * How the hub is reached: HF_TOKEN, HF_ENDPOINT.
 *
 * @param missing what is not there, for the message
 * @throws UserError when SFV_OFFLINE or HF_HUB_OFFLINE forbids the network.
 */
export function hubAccess(env: NodeJS.ProcessEnv, missing: string) {
  if (env['SFV_OFFLINE'] || env['HF_HUB_OFFLINE'])
    throw new UserError(`${missing}, and the network is switched off; unset SFV_OFFLINE to fetch it`)
  const token = env['HF_TOKEN'] ?? env['HUGGING_FACE_HUB_TOKEN']
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  return { token, headers, hubUrl: env['HF_ENDPOINT'] ?? 'https://huggingface.co' }
}

/**
 * The files of a pipeline that sfv reads: model_index.json, and of each component that it names the configuration and one set
 * of safetensors, half precision where there is one.
 *
 * @param components names of model_index.json
 * @throws UserError when a component has weights in another format only.
 */
export function neededFiles(present: readonly string[], components: readonly string[], id: string): string[] {
  const files = components.flatMap((component) => {
    const own = present
      .filter((path) => path.startsWith(`${component}/`))
      .map((path) => path.slice(component.length + 1))
    const configs = CONFIGS.filter((name) => own.includes(name))
    const sets = WEIGHTS.flatMap((stem) => [
      [`^${stem}\\.fp16\\.safetensors$`],
      [`^${stem}\\.safetensors\\.index\\.fp16\\.json$`, `^${stem}\\.fp16-\\d+-of-\\d+\\.safetensors$`],
      [`^${stem}\\.safetensors$`],
      [`^${stem}\\.safetensors\\.index\\.json$`, `^${stem}-\\d+-of-\\d+\\.safetensors$`],
    ])
    const found = sets
      .map((patterns) => patterns.map((pattern) => own.filter((name) => new RegExp(pattern).test(name))))
      .find((lists) => lists.every((list) => list.length > 0))
    if (!found && own.some((name) => /\.(bin|ckpt|pt|msgpack|h5)$/.test(name)))
      throw new UserError(`${id}: component ${component} has no .safetensors weights; choose a model that has`)
    return [...(found?.flat() ?? []), ...configs].map((name) => `${component}/${name}`)
  })
  return [...files, PIPELINE_INDEX]
}

/**
 * Fetches a model from the Hugging Face hub: what is there is kept, what was broken off goes on where it stopped, and every
 * large file is checked against its SHA-256. model_index.json comes last: a folder that has it is whole.
 *
 * @throws UserError when there is no such model, it is gated, the network or the disk fails, or a file is damaged.
 */
export async function pullModel(id: string, options: PullOptions = {}): Promise<PulledModel> {
  const { revision = 'main', onProgress, env = process.env } = options
  if (!isHubId(id)) throw new UserError(`${id} is not a hub id; give owner/name`)
  const folder = options.folder ?? hubFolder(id, env)
  const { token, headers, hubUrl } = hubAccess(env, `${id} is not in ${folder}`)
  const { listFiles } = await import('@huggingface/hub')
  const hub = {
    repo: { type: 'model' as const, name: id },
    revision,
    hubUrl,
    ...(token ? { accessToken: token } : {}),
  }
  // The client's own downloads cannot go on where they stopped, and wait for ever on a connection that was cut.
  const get = async (path: string, from: number) => {
    const url = `${hubUrl}/${id}/resolve/${encodeURIComponent(revision)}/${path}`
    const response = await fetch(url, { headers: from > 0 ? { ...headers, range: `bytes=${from}-` } : headers })
    if (response.status === 404)
      throw new UserError(`${id} has no ${path}; it is not a model in the layout of diffusers`)
    if (!response.ok) throw Object.assign(new Error('refused'), { statusCode: response.status })
    if (from > 0 && response.status !== 206) throw new Error('the server cannot send a part of a file')
    return response
  }
  try {
    const entries = new Map<string, ListFileEntry>()
    for await (const entry of listFiles({ ...hub, recursive: true }))
      if (entry.type === 'file') entries.set(entry.path, entry)
    const index = new Uint8Array(await (await get(PIPELINE_INDEX, 0)).arrayBuffer())
    const components = Object.entries(parseJsonObject(index, `${id}/${PIPELINE_INDEX}`))
      .filter(
        ([name, value]) => /^\w+$/.test(name) && !name.startsWith('_') && Array.isArray(value) && value[0] !== null,
      )
      .map(([name]) => name)
    const files = neededFiles([...entries.keys()], components, id)
    const sizeOf = (path: string) => entries.get(path)!.lfs?.size ?? entries.get(path)!.size
    const total = files.reduce((sum, path) => sum + sizeOf(path), 0)
    await mkdir(folder, { recursive: true })
    const have = await Promise.all(files.map((path) => sizeOnDisk(join(folder, path))))
    const missing = total - have.reduce((sum, size) => sum + size, 0)
    const disk = await statfs(folder)
    if (missing > disk.bavail * disk.bsize)
      throw new UserError(`${folder}: ${id} needs ${(missing / 1e9).toFixed(1)} GB more than are free; make room`)
    let done = 0
    let fetched = 0
    for (const path of files.slice(0, -1)) {
      const target = join(folder, path)
      const size = sizeOf(path)
      if ((await sizeOnDisk(target, false)) !== size) {
        const report = (bytes: number) => onProgress?.({ file: path, done: done + bytes, total })
        fetched += await download((from) => get(path, from), target, size, entries.get(path)!.lfs?.oid, report)
      }
      done += size
      onProgress?.({ file: path, done, total })
    }
    await writeFileAtomic(join(folder, PIPELINE_INDEX), index)
    onProgress?.({ file: PIPELINE_INDEX, done: total, total })
    return { folder, files, bytes: total, fetched }
  } catch (error) {
    throw error instanceof UserError ? error : hubError(error, id, token !== undefined, hubUrl)
  }
}

/** Bytes of a file, or of the part of it that was fetched. */
async function sizeOnDisk(path: string, parts = true): Promise<number> {
  const size = (file: string) =>
    stat(file).then(
      (found) => found.size,
      () => undefined,
    )
  return (await size(path)) ?? (parts ? await size(path + PART) : undefined) ?? 0
}

/** Fetches a file, or what is missing of it; returns how many bytes came. */
async function download(
  get: (from: number) => Promise<Response>,
  target: string,
  size: number,
  sha256: string | undefined,
  report: (bytes: number) => void,
): Promise<number> {
  const part = target + PART
  await mkdir(dirname(target), { recursive: true })
  let there = (await stat(part).catch(() => undefined))?.size ?? 0
  if (there > size) {
    await rm(part)
    there = 0
  }
  const before = there
  const file = await open(part, 'a')
  try {
    if (there < size)
      for await (const chunk of (await get(there)).body as unknown as AsyncIterable<Uint8Array>) {
        await file.write(chunk)
        there += chunk.length
        report(there)
      }
    await file.sync()
  } finally {
    await file.close()
  }
  if (there !== size)
    throw new UserError(`${target}: the connection ended after ${there} of ${size} bytes; pull again to go on`)
  if (sha256 !== undefined && (await sha256OfFiles([part])) !== sha256) {
    await rm(part)
    throw new UserError(`${target}: what came is damaged (its SHA-256 is not the hub's); pull again`)
  }
  await rename(part, target)
  return size - before
}

/** The error of the hub in a sentence. */
export function hubError(error: unknown, id: string, hasToken: boolean, hub: string): UserError {
  const { statusCode, message, cause } = error as Error & { statusCode?: number }
  if (/access token must start/.test(message))
    return new UserError('HF_TOKEN is not a token of the hub, which begins with hf_; set it to one, or unset it')
  if (statusCode === 401 || statusCode === 403)
    return new UserError(
      hasToken
        ? `${id} refuses this token; accept its terms on the hub with the account that HF_TOKEN is of`
        : `${id} is gated, private or not there; accept its terms on the hub and set HF_TOKEN to a token of yours`,
    )
  if (statusCode === 404) return new UserError(`the hub has no ${id} of that revision; check the id`)
  if (statusCode !== undefined)
    return new UserError(`the hub answers for ${id} with status ${statusCode}; try again later`)
  const reason = cause instanceof Error ? cause.message : message.split('\n')[0]
  return new UserError(`${id} cannot be fetched from ${hub} (${reason}); check the network, then pull again to go on`)
}

/**
 * The folder of a model that was pulled before, or is pulled now.
 *
 * @throws UserError as `pullModel` does.
 */
export async function resolveHubModel(id: string, options: PullOptions = {}): Promise<string> {
  const folder = options.folder ?? hubFolder(id, options.env)
  const whole = await readFile(join(folder, PIPELINE_INDEX)).then(
    () => true,
    () => false,
  )
  return whole ? folder : (await pullModel(id, options)).folder
}
