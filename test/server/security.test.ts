import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writePngChunks } from '../../src/media/encode/png-chunks.js'
import { isPrivate, Outbound } from '../../src/server/outbound.js'
import type { Running } from '../../src/server/serve.js'
import { TINY_PICTURE } from '../pipeline/tiny.js'
import { dataUrl, SETTINGS, startService, temporaryFolder, until } from './service.js'

const TOKEN = 'a-token-of-the-tests'
const OTHER = 'another-token-of-them'

describe('what a service refuses', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let service: Running
  let picture: string

  beforeAll(async () => {
    folder = await temporaryFolder()
    const tokenFile = join(folder.path, 'tokens.txt')
    await writeFile(tokenFile, `# of the tests\nalice ${TOKEN}\nbob ${OTHER}\n`)
    service = await startService(folder.path, {
      tokenFile,
      requestLimit: 1,
      limits: { ...SETTINGS.limits, bytes: 3e6 },
    })
    picture = dataUrl(await readFile(TINY_PICTURE))
  })
  afterAll(async () => {
    await service?.close(0)
    await folder?.remove()
  })

  const ask = async (path: string, init: RequestInit = {}, token = TOKEN) => {
    const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) }
    const response = await fetch(`${service.url}${path}`, { ...init, headers })
    const body = (await response.json().catch(() => ({}))) as {
      id: string
      error: { message: string; code: string; param: string }
    }
    return { ...body, status: response.status }
  }
  const post = (body: object, path = '/v1/videos') =>
    ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

  it('a wrong token, and none', async () => {
    expect(await ask('/v1/videos', {}, 'a-token-of-the-testt')).toMatchObject({
      status: 401,
      error: { code: 'invalid_api_key' },
    })
    expect((await fetch(`${service.url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${service.url}/metrics`)).status).toBe(401)
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    expect(await ask('/v1/videos')).toMatchObject({ status: 200 })
  })

  it('the videos of another token', async () => {
    const { id } = await post({ input_reference: picture, frames: 2, seed: 1 })
    expect(await ask(`/v1/videos/${id}`, {}, OTHER)).toMatchObject({ status: 404 })
    expect(await ask(`/v1/videos/${id}`, { method: 'DELETE' }, OTHER)).toMatchObject({ status: 404 })
    expect(await ask(`/v1/videos/${id}`)).toMatchObject({ status: 200 })
  })

  it('a body that is too large, with and without its length', async () => {
    const large = Buffer.alloc(3_100_000, 'x')
    const headers = { 'content-type': 'application/json' }
    expect(await ask('/v1/videos', { method: 'POST', headers, body: large })).toMatchObject({ status: 413 })
    const stream = new Blob([large]).stream()
    const chunked = { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit
    expect(await ask('/v1/videos', chunked)).toMatchObject({ status: 413, error: { code: 'too_large' } })
  })

  it('a body that is cut short', async () => {
    const headers = { 'content-type': 'application/json' }
    expect(await ask('/v1/videos', { method: 'POST', headers, body: '{"frames": 2' })).toMatchObject({
      status: 400,
      error: { code: 'invalid_body' },
    })
    const form = { 'content-type': 'multipart/form-data; boundary=b' }
    expect((await ask('/v1/videos', { method: 'POST', headers: form, body: '--b\r\nContent-Disp' })).status).toBe(400)
    expect(
      (await ask('/v1/videos', { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' })).status,
    ).toBe(415)
  })

  it('a request that comes drop by drop', async () => {
    const { port } = new URL(service.url)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1')
      let text = ''
      socket.on('data', (part) => (text += part.toString()))
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      socket.write(
        `POST /v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      )
    })
    expect(answer).toMatch(/^HTTP\/1\.1 408/)
  })

  it('pictures that are more than they seem', async () => {
    const refused = async (bytes: Uint8Array) => (await post({ input_reference: dataUrl(bytes), frames: 2 })).error
    const bomb = png(30_000, 30_000)
    expect(await refused(bomb)).toMatchObject({
      code: 'invalid_image',
      param: 'input_reference',
      message: expect.stringContaining('30000'),
    })
    expect(await refused(png(2000, 1000))).toMatchObject({ message: expect.stringContaining('1000000 pixels') })
    expect(await refused(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toMatchObject({
      message: expect.stringContaining('SVG'),
    })
    const whole = await readFile(TINY_PICTURE)
    expect(await refused(whole.subarray(0, whole.length - 20))).toMatchObject({
      message: expect.stringContaining('cut short'),
    })
    expect(await refused(Buffer.from('no picture'))).toMatchObject({ code: 'invalid_image' })
    expect((await post({ frames: 2 })).error).toMatchObject({ param: 'input_reference' })
  })

  it('nothing but the first of the frames of a GIF of 100,000', async () => {
    const { id } = await post({ input_reference: dataUrl(gif(100_000, 16), 'image/gif'), frames: 2, seed: 2 })
    const { status } = await until(async () => {
      const response = await fetch(`${service.url}/v1/videos/${id}`, { headers: { authorization: `Bearer ${TOKEN}` } })
      const video = (await response.json()) as { status: string }
      return /completed|failed/.test(video.status) && video
    })
    expect(status).toBe('completed')
  })

  it('paths in the place of ids, formats and models', async () => {
    for (const path of ['..%2f..%2fetc%2fpasswd', '%2e%2e', '..%5c..', 'video_%00'])
      for (const end of ['', '/content', '/events']) expect((await ask(`/v1/videos/${path}${end}`)).status).toBe(404)
    const form = new FormData()
    form.set('input_reference', new File([await readFile(TINY_PICTURE)], '../../x\r\nSet-Cookie: a=b.png'))
    form.set('frames', '2')
    form.set('seed', '1')
    const { id, status } = await ask('/v1/videos', { method: 'POST', body: form })
    expect(status).toBe(200)
    expect((await ask(`/v1/videos/${id}/content?format=..%2f..%2fserve.lock`)).error.param).toBe('format')
  })

  it('addresses as pictures, and webhooks into private networks', async () => {
    for (const url of [
      'http://127.0.0.1/x.png',
      'http://169.254.169.254/latest',
      'https://example.com/x.png',
      'file:///etc/passwd',
      'C:/x.png',
    ])
      expect((await post({ input_reference: url, frames: 2 })).error).toMatchObject({ code: 'url_not_allowed' })
    for (const webhook of [
      'http://localhost:1/',
      'http://[::1]/',
      'http://169.254.169.254/',
      'http://10.1.2.3/',
      'http://[::ffff:127.0.0.1]/',
      'http://2130706433/',
      'gopher://x/',
    ])
      expect((await post({ input: { image: picture }, webhook }, '/v1/predictions')).error).toMatchObject({
        code: 'url_not_allowed',
        param: 'webhook',
      })
    // A name can lead to the machine itself: the address that is connected to counts.
    const outbound = new Outbound()
    await expect(outbound.send(new URL(service.url.replace('127.0.0.1', 'localhost')), {})).rejects.toThrow()
    await outbound.close()
    expect(
      ['::1', '127.9.9.9', '192.168.0.1', 'fe80::1', '::ffff:10.0.0.1', '::ffff:a00:1'].map(isPrivate),
    ).not.toContain(false)
    expect(['93.184.215.14', '2606:2800::1'].map(isPrivate)).not.toContain(true)
  })

  it('pages of other sites', async () => {
    expect(await ask('/v1/models', { headers: { origin: 'https://evil.example' } })).toMatchObject({
      status: 403,
      error: { code: 'wrong_origin' },
    })
    expect((await ask('/v1/models', { headers: { origin: service.url } })).status).toBe(200)
  })
})

/** A PNG whose header says so, with next to nothing in it. */
function png(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1
  const chunks = [
    { type: 'IHDR', data: header },
    { type: 'IDAT', data: Buffer.alloc(1) },
    { type: 'IEND', data: Buffer.alloc(0) },
  ]
  return writePngChunks(chunks)
}

/** A GIF of one colour with a size of 16 bits. */
function gif(frames: number, side: number): Buffer {
  const screen = Buffer.from([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, side, 0, side, 0, 0x80, 0, 0, 255, 0, 0, 0, 255, 0])
  // One-pixel frames, LZW of 2 bits: clear, colour 0, end.
  const frame = Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0])
  return Buffer.concat([screen, ...Array.from({ length: frames }, () => frame), Buffer.from([0x3b])])
}
