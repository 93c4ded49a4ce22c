import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStorage, type Storage } from '../../src/server/storage.js'
import { TINY_PICTURE } from '../pipeline/tiny.js'
import { dataUrl, startService, temporaryFolder, until } from './service.js'

/** Servers that speak S3's protocol. moto knows conditions of writes; it is tried where it is installed. */
const SERVERS = [
  {
    name: 's3rver',
    isThere: true,
    knowsConditions: false,
    command: (port: string, folder: string) => [
      process.execPath,
      '-e',
      `new (require('@20minutes/s3rver'))({ port: ${port}, address: '127.0.0.1', silent: true, allowMismatchedSignatures: true, directory: ${JSON.stringify(folder)} }).run()`,
    ],
  },
  {
    name: 'moto',
    isThere: spawnSync('moto_server', ['--help']).status === 0,
    knowsConditions: true,
    command: (port: string) => ['moto_server', '-H', '127.0.0.1', '-p', port],
  },
] as const

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

describe.each(SERVERS)('clips in a bucket of $name', ({ isThere, command, knowsConditions }) => {
  const environment = { ...process.env }
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let server: ChildProcess
  let client: S3Client
  let storage: Storage

  beforeAll(async () => {
    if (!isThere) return
    folder = await temporaryFolder()
    const port = `${await freePort()}`
    const [program, ...args] = command(port, join(folder.path, 's3'))
    server = spawn(program!, args, { stdio: 'ignore' })
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
    })
    client = new S3Client({ forcePathStyle: true })
    await until(() =>
      client.send(new CreateBucketCommand({ Bucket: 'clips' })).then(
        () => true,
        () => false,
      ),
    )
    storage = await openStorage('s3://clips/of/tests')
  })
  afterAll(async () => {
    server?.kill()
    process.env = environment
    await folder?.remove()
  })

  const names = async () =>
    ((await client.send(new ListObjectsV2Command({ Bucket: 'clips' }))).Contents ?? []).map(({ Key }) => Key!).sort()
  const text = async (name: string) => {
    const stored = await storage.read(name)
    return stored && { size: stored.size, text: await new Response(stored.body).text() }
  }

  it.skipIf(!isThere)('keeps the first bytes of a name, and nothing that is not there', async () => {
    expect(await storage.has('inputs/a')).toBe(false)
    expect(await storage.read('inputs/a')).toBeUndefined()
    await storage.keep('inputs/a', Buffer.from('first'))
    await storage.keep('inputs/a', Buffer.from('second'))
    expect(await text('inputs/a')).toEqual({ size: 5, text: 'first' })
    expect(await names()).toEqual(['of/tests/inputs/a'])
    await storage.remove('inputs/a')
    await storage.remove('inputs/a')
    expect(await storage.has('inputs/a')).toBe(false)
  })

  it.skipIf(!isThere || !knowsConditions)('lets one of many writers at a time win', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`.padEnd(1000))
    const seen = new Set<string>()
    await Promise.all(
      texts.map(async (each) => {
        await storage.keep('results/b', Buffer.from(each))
        seen.add((await text('results/b'))!.text)
      }),
    )
    expect(seen.size).toBe(1)
  })

  it.skipIf(!isThere)('makes clips, hands them out and removes them, with none in the folder', async () => {
    const data = join(folder.path, 'data')
    const service = await startService(data, { storage: 's3://clips/of/service' })
    try {
      const body = JSON.stringify({ input_reference: dataUrl(await readFile(TINY_PICTURE)), frames: 2, format: 'gif' })
      const headers = { 'content-type': 'application/json' }
      const created = await fetch(`${service.url}/v1/videos`, { method: 'POST', headers, body })
      const { id } = (await created.json()) as { id: string }
      const video = `${service.url}/v1/videos/${id}`
      await until(async () => ((await (await fetch(video)).json()) as { status: string }).status === 'completed')
      const clip = await fetch(`${video}/content`)
      const bytes = Buffer.from(await clip.arrayBuffer())
      expect(bytes.subarray(0, 6).toString()).toBe('GIF89a')
      expect(bytes.at(-1)).toBe(0x3b)
      expect(Number(clip.headers.get('content-length'))).toBe(bytes.length)
      expect((await names()).filter((each) => each.startsWith('of/service'))).toHaveLength(2)
      expect(await readdir(data)).not.toContain('results')
      await fetch(video, { method: 'DELETE' })
      expect((await names()).filter((each) => each.startsWith('of/service'))).toEqual([])
    } finally {
      await service.close(0)
    }
  })

  it.skipIf(!isThere)('is refused by name when it cannot be used', async () => {
    await expect(openStorage('s3://nobody-made-it')).rejects.toThrow(/bucket nobody-made-it: 404.*check --storage/)
    await expect(openStorage('s3://')).rejects.toThrow('give a bucket')
  })
})

describe('without the package', () => {
  it('the client of S3 is asked for by name', async () => {
    const folder = await temporaryFolder()
    try {
      // A copy of the file outside the project finds no packages; what it imports of the project is beside it.
      const source = await readFile('src/server/bucket-storage.ts', 'utf8')
      await writeFile(join(folder.path, 'package.json'), '{ "type": "module" }')
      await writeFile(join(folder.path, 'errors.ts'), await readFile('src/errors.ts'))
      await writeFile(join(folder.path, 'bucket.ts'), source.replace('../errors.js', './errors.ts'))
      const code =
        "import { BucketStorage } from './bucket.ts'\nawait BucketStorage.open('s3://clips').catch(({ message }) => console.log(message))"
      await writeFile(join(folder.path, 'main.ts'), code)
      const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', join(folder.path, 'main.ts')], {
        encoding: 'utf8',
      })
      expect(stdout).toContain('npm install @aws-sdk/client-s3')
    } finally {
      await folder.remove()
    }
  })
})
