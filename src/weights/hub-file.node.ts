import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { hubAccess } from './hub-access.node.js'
import { hubFolder, isHubId } from './hub.node.js'
import { sha256 as hashOf } from './manifest.js'

/** A file on the Hugging Face hub that is known by its content. */
export interface HubFile {
  /** owner/name. */
  readonly id: string
  readonly path: string
  /** In hexadecimal. */
  readonly sha256: string
}

/** Reads `owner/name/path/to/file#sha256`; undefined where a text has another form. */
export function parseHubFile(text: string): HubFile | undefined {
  const [, id, path, sha256] = /^([^/]+\/[^/]+)\/(.+)#([0-9a-f]{64})$/i.exec(text) ?? []
  return id !== undefined && isHubId(id) && path ? { id, path, sha256: sha256!.toLowerCase() } : undefined
}

/**
 * The path of a file of the hub, which is fetched into the cache where it is not there yet.
 *
 * @param env as of `pullModel`
 * @throws UserError when it cannot be fetched, or is not what the checksum says.
 */
export async function hubFile({ id, path, sha256 }: HubFile, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const target = join(hubFolder(id, env), path)
  const known = await readFile(target).catch(() => undefined)
  if (known && (await hashOf(new Uint8Array(known))) === sha256) return target
  const hub = await hubAccess(env, `${target} is not there`)
  let bytes: Uint8Array<ArrayBuffer>
  try {
    const response = await hub.fetch(
      `${hub.url}/${id}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`,
    )
    if (!response.ok) throw Object.assign(new Error('refused'), { statusCode: response.status })
    bytes = new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    throw hub.errorOf(error, `${id}/${path}`)
  }
  const found = await hashOf(bytes)
  if (found !== sha256)
    throw new UserError(`${id}/${path} has the SHA-256 ${found}, not ${sha256}; it was changed, or give the right one`)
  await writeFileAtomic(target, bytes)
  return target
}
