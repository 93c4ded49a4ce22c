import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { hubAccess, hubHome, hubToken, isOffline } from '../../src/weights/hub-access.node.js'
import { proxyOf } from '../../src/weights/hub-fetch.node.js'
import { pullModel } from '../../src/weights/hub.node.js'
import { hubOfTests, ID } from './support/hub.js'

let folder: string
let env: NodeJS.ProcessEnv
const hub = hubOfTests((place) => ({ folder, env } = place))

it.each([
  ['1', true],
  ['on', true],
  ['Yes', true],
  ['TRUE', true],
  ['0', false],
  ['false', false],
  ['off', false],
  ['no', false],
  ['', false],
])('SFV_OFFLINE=%s and HF_HUB_OFFLINE switch the network off: %s', (value, off) => {
  expect([isOffline({ SFV_OFFLINE: value }), isOffline({ HF_HUB_OFFLINE: value })]).toEqual([off, off])
})

describe('HF_ENDPOINT', () => {
  it('may end with slashes', async () => {
    await pullModel(ID, { env: { ...env, HF_ENDPOINT: `${hub.url}//` } })
    expect(hub.requests.filter((path) => path.includes('//'))).toEqual([])
  })
  it.each(['hub.example', 'http://', 'http://a b'])('is an address, unlike %s', async (url) => {
    await expect(pullModel(ID, { env: { ...env, HF_ENDPOINT: url } })).rejects.toThrow(
      /^HF_ENDPOINT is .*; give the address/,
    )
  })
})

describe('the token', () => {
  const write = async (path: string) => {
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, 'hf_of_the_file\n')
    return path
  }
  it('is that of the environment, else that of the file that `hf auth login` writes', async () => {
    expect(await hubToken(env)).toBeUndefined()
    await write(join(folder, 'huggingface', 'token'))
    expect(await hubToken(env)).toBe('hf_of_the_file')
    expect(await hubToken({ ...env, HF_TOKEN: 'hf_mine' })).toBe('hf_mine')
    expect(await hubToken({ ...env, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined()
    hub.token = 'hf_of_the_file'
    await pullModel(ID, { env })
  })
  it('may lie elsewhere', async () => {
    const path = await write(join(folder, 'elsewhere', 'secret'))
    expect(await hubToken({ ...env, HF_TOKEN_PATH: path })).toBe('hf_of_the_file')
    await write(join(folder, 'cache', 'huggingface', 'token'))
    expect(hubHome({ XDG_CACHE_HOME: join(folder, 'cache') })).toBe(join(folder, 'cache', 'huggingface'))
  })
})

it('says what to do about a certificate that is not known', async () => {
  const { errorOf } = await hubAccess(env, 'it')
  const cause = Object.assign(new Error('self-signed certificate'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' })
  expect(errorOf(new TypeError('fetch failed', { cause }), ID).message).toMatch(
    /set NODE_EXTRA_CA_CERTS to your network's/,
  )
})

describe('a hub that is busy', () => {
  it('is asked again, after as long as it says', async () => {
    const now = { 'retry-after': '0' }
    hub.faults.set('tree', [{ status: 429, headers: now }])
    hub.faults.set('unet/config.json', [
      { status: 503, headers: now },
      { status: 500, headers: { 'retry-after': new Date().toUTCString() } },
    ])
    await pullModel(ID, { env })
    expect(hub.requests.filter((path) => path.endsWith('unet/config.json'))).toHaveLength(3)
  })
  it('is asked again after a pause where it does not say', async () => {
    hub.faults.set('vae/config.json', [{ status: 502 }])
    const started = performance.now()
    await pullModel(ID, { env })
    expect(performance.now() - started).toBeGreaterThan(490)
  })
  it('is not waited for for ever', async () => {
    hub.faults.set('unet/config.json', [{ status: 429, headers: { 'retry-after': '3000' } }])
    await expect(pullModel(ID, { env })).rejects.toThrow(/asks for fewer requests; wait some minutes/)
    hub.faults.set('unet/config.json', Array<object>(5).fill({ status: 500, headers: { 'retry-after': '0' } }))
    await expect(pullModel(ID, { env })).rejects.toThrow(/with status 500; try again later/)
  })
})

describe('a proxy', () => {
  /** A proxy that passes on to the hub, whatever host is asked for. */
  let proxy: Server
  let asked: string[]
  let password: string | undefined
  beforeEach(async () => {
    asked = []
    password = undefined
    const { port } = new URL(hub.url)
    proxy = createServer((incoming, outgoing) => {
      asked.push(incoming.url!)
      const { pathname, search } = new URL(incoming.url!)
      const on = { port, host: '127.0.0.1', path: pathname + search, headers: incoming.headers }
      incoming.pipe(
        request(on, (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(outgoing)
        }),
      )
    })
    proxy.on('connect', (incoming, socket) => {
      asked.push(`CONNECT ${incoming.url}`)
      const { 'proxy-authorization': authorization } = incoming.headers
      if (password !== undefined && authorization !== `Basic ${Buffer.from(password).toString('base64')}`)
        return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      const on = connect(Number(port), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      on.pipe(socket).pipe(on)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => {
    proxy.closeAllConnections()
    return new Promise((resolve) => proxy.close(resolve))
  })
  const address = () => `127.0.0.1:${(proxy.address() as AddressInfo).port}`

  it.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])('of %s is used, with a scheme or without', async (name) => {
    for (const url of [`http://${address()}`, address()]) {
      const through = { ...env, HF_ENDPOINT: 'http://hub.invalid', [name]: url }
      await pullModel(ID, { env: through })
    }
    expect(asked.length).toBeGreaterThan(9)
    expect(new Set(asked.map((url) => new URL(url).host))).toEqual(new Set(['hub.invalid']))
  })

  it('is a tunnel where the hub is encrypted', async () => {
    const through = { ...env, HF_ENDPOINT: 'https://hub.invalid', HTTPS_PROXY: `http://${address()}` }
    // The hub of the test speaks no TLS: the handshake fails once the tunnel stands.
    const { fetch } = await hubAccess(through, 'it')
    await expect(fetch('https://hub.invalid/')).rejects.toThrow(/fetch failed/)
    expect(asked).toContain('CONNECT hub.invalid:443')
  })

  it('takes a name and a password, and says where it wants them', async () => {
    password = 'me:secret'
    const https = { ...env, HF_ENDPOINT: 'https://hub.invalid' }
    await expect(pullModel(ID, { env: { ...https, HTTPS_PROXY: `http://${address()}` } })).rejects.toThrow(
      /through the proxy http:\/\/127.* wants a name and a password; give HTTPS_PROXY as/,
    )
    const { fetch } = await hubAccess({ ...https, HTTPS_PROXY: `http://me:secret@${address()}` }, 'it')
    // The tunnel stands; the hub of the test speaks no TLS.
    const error: unknown = await fetch('https://hub.invalid/').catch((error: unknown) => error)
    expect(inspect(error)).not.toContain('407')
  })

  it('is passed by for the hosts of NO_PROXY', async () => {
    await pullModel(ID, { env: { ...env, HTTP_PROXY: `http://${address()}`, NO_PROXY: 'localhost,127.0.0.1' } })
    expect(asked).toEqual([])
  })

  it('is named where it does not answer, and must be an address', async () => {
    const through = { ...env, HF_ENDPOINT: 'http://hub.invalid', HTTP_PROXY: 'http://me:secret@127.0.0.1:9' }
    await expect(pullModel(ID, { env: through })).rejects.toThrow(
      /cannot be fetched from http:\/\/hub\.invalid through the proxy http:\/\/127\.0\.0\.1:9 /,
    )
    for (const wrong of ['ftp://proxy:3128', 'http://', '://'])
      expect(() => proxyOf({ HTTPS_PROXY: wrong }, 'https://hub')).toThrow(UserError)
    expect(proxyOf({ https_proxy: 'a:1', HTTPS_PROXY: 'b:1' }, 'https://hub')).toBe('http://a:1')
    expect(proxyOf({}, 'https://hub')).toBeUndefined()
  })
})
