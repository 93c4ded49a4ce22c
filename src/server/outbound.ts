import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, fetch, type RequestInit, type Response } from 'undici'
import { ApiError } from './api-error.js'

/** Addresses of the machine itself and of private networks (IANA's special-purpose registries). */
const PRIVATE = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv6')

/** Whether an IP address is none of the public network. */
export function isPrivate(address: string): boolean {
  const version = isIP(address)
  if (version === 0) return true
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return PRIVATE.check(mapped ?? address, mapped !== undefined || version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Sends requests to addresses that clients name. Only the public network is reached, and hosts that the operator has
 * allowed by name; the address is checked that is connected to, so that a name cannot change its mind in between.
 */
export class Outbound {
  readonly #public = new Agent({
    connect: { lookup: publicLookup, timeout: 10_000 },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  })
  readonly #any = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 10_000, bodyTimeout: 10_000 })

  /** @param allowed names of hosts that may be reached wherever they are, and that pictures are fetched from */
  constructor(readonly allowed: readonly string[] = []) {}

  /**
   * Checks an address before anything is done with it.
   *
   * @throws ApiError when it is none of HTTP, has a password, or leads to the machine itself or a private network.
   */
  check(text: string, param: string): URL {
    const refuse = (why: string) => new ApiError(400, 'url_not_allowed', `${param}: ${why}`, param)
    if (!URL.canParse(text)) throw refuse('give an address such as https://example.com/')
    const url = new URL(text)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('give an address of http or https')
    if (url.username || url.password) throw refuse('give an address without a user or a password')
    if (this.allows(url)) return url
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (/(^|\.)(localhost|local|internal)\.?$/i.test(host) || (isIP(host) !== 0 && isPrivate(host))) {
      throw refuse(
        `${host} is an address of this machine or a private network; the operator can allow it with --allow-url`,
      )
    }
    return url
  }

  /** Whether the operator has named the host of an address. */
  allows(url: URL): boolean {
    return this.allowed.includes(url.hostname) || this.allowed.includes(url.host)
  }

  /** Sends a request; an answer that leads elsewhere is not followed. */
  async send(url: URL, request: Omit<RequestInit, 'dispatcher' | 'redirect'>): Promise<Response> {
    return fetch(url, { ...request, redirect: 'error', dispatcher: this.allows(url) ? this.#any : this.#public })
  }

  /**
   * Fetches a file from a host that the operator has named.
   *
   * @throws ApiError when the host is not allowed, it cannot be fetched, or it has more than `limit` bytes.
   */
  async fetch(text: string, param: string, limit: number): Promise<Uint8Array> {
    const url = this.check(text, param)
    const refuse = (why: string) => new ApiError(400, 'url_not_allowed', `${param}: ${why}`, param)
    if (!this.allows(url)) {
      throw refuse('pictures are not fetched from addresses; send the file or a data URL (operators: --allow-url HOST)')
    }
    const parts: Uint8Array[] = []
    let bytes = 0
    try {
      const response = await this.send(url, { signal: AbortSignal.timeout(30_000) })
      if (!response.ok) throw refuse(`${url.host} answers ${response.status}`)
      for await (const part of response.body ?? []) {
        bytes += (part as Uint8Array).length
        if (bytes > limit) throw new ApiError(413, 'too_large', `${param}: it has more than ${limit} bytes`, param)
        parts.push(part as Uint8Array)
      }
    } catch (error) {
      throw error instanceof ApiError ? error : refuse(`cannot be fetched from ${url.host}`)
    }
    return Buffer.concat(parts)
  }

  /** Closes the connections. */
  async close(): Promise<void> {
    await Promise.all([this.#public.destroy(), this.#any.destroy()])
  }
}

/** Resolves a name to public addresses alone. */
function publicLookup(...[hostname, options, callback]: Parameters<LookupFunction>): void {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '')
    const open = found.filter(({ address }) => !isPrivate(address))
    if (open.length === 0) return callback(new Error(`${hostname} is in a private network`), '')
    if (options.all) return callback(null, open)
    return callback(null, open[0]!.address, open[0]!.family)
  })
}
