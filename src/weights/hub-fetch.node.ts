import { setTimeout as pause } from 'node:timers/promises'
import { UserError } from '../errors.js'

/** Requests that are tried again, beside the first. */
const RETRIES = 4
/** Seconds that the hub may ask to wait for; beyond, the user is told. */
const LONGEST_WAIT = 60

/** The value of a variable of the environment in small or capital letters; the small one wins, as in curl. */
function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name.toLowerCase()] ?? env[name]
}

/** The proxy that the environment names for an address, as a URL; undefined without one. NO_PROXY is not looked at. */
export function proxyOf(env: NodeJS.ProcessEnv, url: string): string | undefined {
  const [http, all] = [variable(env, 'HTTP_PROXY'), variable(env, 'ALL_PROXY')]
  const named = (url.startsWith('https:') ? (variable(env, 'HTTPS_PROXY') ?? http) : http) ?? all
  if (!named) return undefined
  const proxy = named.includes('://') ? named : `http://${named}`
  const { protocol, host } = URL.canParse(proxy) ? new URL(proxy) : { protocol: '', host: '' }
  if (!/^(https?|socks5?):$/.test(protocol) || host === '')
    throw new UserError(`the proxy ${named} of HTTPS_PROXY or HTTP_PROXY is no address; give one like http://host:3128`)
  return proxy
}

/**
 * `fetch` for the hub: with the token, through the proxy of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY but for the hosts of
 * NO_PROXY, and again, after a pause that doubles each time or that the hub asks for, where it answers 429 or 5xx or
 * the connection breaks.
 */
export async function hubFetch(env: NodeJS.ProcessEnv, token: string | undefined): Promise<typeof fetch> {
  const [httpProxy, httpsProxy] = [proxyOf(env, 'http:'), proxyOf(env, 'https:')]
  const send = (httpProxy ?? httpsProxy) ? await throughProxy(env, httpProxy, httpsProxy) : fetch
  return async (input, init = {}) => {
    const headers = new Headers(init.headers)
    // Ranges count the bytes of what is stored.
    headers.set('accept-encoding', 'identity')
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    for (let tries = 0; ; tries++) {
      const answer = await send(input, { ...init, headers }).catch((error: unknown) => {
        if (tries === RETRIES || !isPassing(error)) throw error
        return undefined
      })
      const busy = answer === undefined || answer.status === 429 || answer.status >= 500
      if (!busy || tries === RETRIES) return answer!
      const seconds = answer === undefined ? undefined : retryAfter(answer)
      if (seconds !== undefined && seconds > LONGEST_WAIT) return answer!
      await answer?.body?.cancel()
      await pause(1000 * (seconds ?? 0.5 * 2 ** tries))
    }
  }
}

async function throughProxy(env: NodeJS.ProcessEnv, httpProxy = '', httpsProxy = ''): Promise<typeof fetch> {
  const { EnvHttpProxyAgent, fetch: send } = await import('undici')
  // Without encryption a request is sent to the proxy itself: many allow tunnels for https alone.
  const noProxy = variable(env, 'NO_PROXY') ?? ''
  const dispatcher = new EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy, proxyTunnel: false })
  return ((input: string, init: object) => send(input, { ...init, dispatcher })) as unknown as typeof fetch
}

/** Seconds that the answer asks to wait, by its `retry-after`: a number or a date. */
function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}

/** Whether an error of the network may be gone the next time: not a host that is not there or refuses. */
export function isPassing(error: unknown): boolean {
  const { cause, code } = error as { cause?: { code?: string }; code?: string }
  return /^(ECONNRESET|ETIMEDOUT|EPIPE|EAI_AGAIN|UND_ERR_.*)$/.test(cause?.code ?? code ?? '')
}
