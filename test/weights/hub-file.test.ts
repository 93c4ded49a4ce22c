import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { hubFile, parseHubFile } from '../../src/weights/hub-file.node.js'

const CONTENT = Buffer.from('weights of a network')
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')
const FILE = { id: 'someone/features', path: 'i3d/rgb.safetensors', sha256: SHA256 }

let server: Server
let requests: string[]
let folder: string
let env: NodeJS.ProcessEnv

beforeEach(async () => {
  requests = []
  server = createServer((request, response) => {
    requests.push(request.url!)
    const known = request.url === '/someone/features/resolve/main/i3d/rgb.safetensors'
    response.writeHead(known ? 200 : 404).end(known ? CONTENT : 'no')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  folder = await mkdtemp(join(tmpdir(), 'sfv-hub-file-'))
  env = { HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, SFV_CACHE: folder }
})
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

it('reads owner/name/path#sha256 and nothing else', () => {
  expect(parseHubFile(`someone/features/i3d/rgb.safetensors#${SHA256.toUpperCase()}`)).toEqual(FILE)
  for (const text of [
    'fluent',
    'models/features',
    `someone/features#${SHA256}`,
    'a/b/c.safetensors#12',
    '/a/b.safetensors',
  ])
    expect(parseHubFile(text)).toBeUndefined()
})

it('fetches a file once, and again where it was changed', async () => {
  const path = await hubFile(FILE, env)
  expect(path.startsWith(folder)).toBe(true)
  expect(await readFile(path)).toEqual(CONTENT)
  await hubFile(FILE, env)
  expect(requests).toHaveLength(1)
  await writeFile(path, 'something else')
  await hubFile(FILE, env)
  expect(await readFile(path)).toEqual(CONTENT)
})

it('refuses what is not what the checksum says, and keeps nothing of it', async () => {
  const wrong = { ...FILE, sha256: '0'.repeat(64) }
  await expect(hubFile(wrong, env)).rejects.toThrow(new RegExp(`SHA-256 ${SHA256}, not 000`))
  await expect(hubFile(FILE, { ...env, SFV_OFFLINE: '1' })).rejects.toThrow(/switched off/)
})

it('says what cannot be fetched', async () => {
  await expect(hubFile({ ...FILE, path: 'gone.safetensors' }, env)).rejects.toThrow(UserError)
})
