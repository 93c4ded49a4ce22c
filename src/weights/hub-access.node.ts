import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { hubFetch, proxyOf } from './hub-fetch.node.js'

/** The hub itself; HF_ENDPOINT may name a mirror, whose tokens may look otherwise. */
const HUB = 'https://huggingface.co'

/** How the hub is reached. */
export interface HubAccess {
  /** Its address, without a slash at the end. */
  readonly url: string
  readonly token: string | undefined
  /** For messages: its address, and the proxy on the way. */
  readonly place: string
  /** Requests with the token and through the proxy, again where the hub is busy. */
  readonly fetch: typeof fetch
  /** What went wrong in a sentence; `id` is what was to be fetched. */
  readonly errorOf: (error: unknown, id: string) => UserError
}

/** Whether a variable of the environment is switched on, as huggingface_hub reads them: 1, ON, YES or TRUE. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(1|on|yes|true)$/i.test(value)
}

/** Whether SFV_OFFLINE or HF_HUB_OFFLINE forbids the network. */
export function isOffline(env: NodeJS.ProcessEnv): boolean {
  return isOn(env['SFV_OFFLINE']) || isOn(env['HF_HUB_OFFLINE'])
}

/** The folder of huggingface_hub: $HF_HOME, else `huggingface` in $XDG_CACHE_HOME, by default ~/.cache. */
export function hubHome(env: NodeJS.ProcessEnv): string {
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface')
  return home.replace(/^~(?=$|[/\\])/, homedir())
}

/** The user's token: HF_TOKEN, or the file that `hf auth login` wrote, at HF_TOKEN_PATH or in `hubHome`. */
export async function hubToken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (isOn(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined
  const given = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN']
  const path = env['HF_TOKEN_PATH'] || join(hubHome(env), 'token')
  const token = (given ?? (await readFile(path, 'utf8').catch(() => ''))).trim()
  return token === '' ? undefined : token
}

/**
 * How the hub is reached, by the environment: HF_ENDPOINT, HF_TOKEN and the file of the token, HTTPS_PROXY and its kin.
 *
 * @param missing what is not there, for the message
 * @throws UserError when SFV_OFFLINE or HF_HUB_OFFLINE forbids the network, or the address or the token is none.
 */
export async function hubAccess(env: NodeJS.ProcessEnv, missing: string): Promise<HubAccess> {
  if (isOffline(env))
    throw new UserError(`${missing}, and the network is switched off; unset SFV_OFFLINE and HF_HUB_OFFLINE to fetch it`)
  const url = (env['HF_ENDPOINT'] || HUB).replace(/\/+$/, '')
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new UserError(`HF_ENDPOINT is ${url}; give the address of a hub, such as ${HUB}`)
  const token = await hubToken(env)
  if (token !== undefined && !(url === HUB ? /^hf_[\w-]+$/ : /^[\x21-\x7e]+$/).test(token))
    throw new UserError(
      'HF_TOKEN, or what `hf auth login` keeps, is not a token of the hub, which begins with hf_; set HF_TOKEN to one',
    )
  const fetch = await hubFetch(env, token)
  const proxy = proxyOf(env, url)
  const { protocol, host } = new URL(proxy ?? url)
  const place = proxy === undefined ? url : `${url} through the proxy ${protocol}//${host}`
  return { url, place, token, fetch, errorOf: (error, id) => hubError(error, id, token !== undefined, place) }
}

function hubError(error: unknown, id: string, hasToken: boolean, place: string): UserError {
  if (error instanceof UserError) return error
  const { statusCode, message, code } = error as Error & { statusCode?: number; code?: string }
  const root = rootOf(error as Error)
  if (statusCode === 401 || statusCode === 403)
    return new UserError(
      hasToken
        ? `${id} refuses this token; accept its terms on the hub with the account that the token is of, or set HF_TOKEN to a new one`
        : `${id} is gated, private or not there; accept its terms on the hub and set HF_TOKEN to a token of yours`,
    )
  if (statusCode === 407 || /\(407\)/.test(root.message))
    return new UserError(`${place} wants a name and a password; give HTTPS_PROXY as http://NAME:PASSWORD@HOST:PORT`)
  if (statusCode === 404) return new UserError(`the hub has no ${id} of that revision; check the id (${place})`)
  if (statusCode === 429) return new UserError(`${place} asks for fewer requests; wait some minutes, then try again`)
  if (statusCode !== undefined)
    return new UserError(`the hub answers for ${id} with status ${statusCode}; try again later (${place})`)
  if (code !== undefined && WRITING.has(code))
    return new UserError(`${id} cannot be kept: ${message}; make room, or choose a folder that you may write to`)
  if (root.code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(root.code))
    return new UserError(
      `${place} shows a certificate that is not known (${root.code}); set NODE_EXTRA_CA_CERTS to your network's certificates`,
    )
  const reason = root.message.split('\n')[0] || root.code
  return new UserError(`${id} cannot be fetched from ${place} (${reason}); check the network, then pull again to go on`)
}

/** The error that others were thrown for. */
function rootOf(error: Error): Error & { readonly code?: string } {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

/** Codes of errors of a disk or a folder. */
const WRITING = new Set([
  'ENOENT',
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'EEXIST',
])
