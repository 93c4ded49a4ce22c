import fc from 'fast-check'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { hubFolder, pullModel } from '../../src/weights/hub.node.js'
import { type Fault, FILES, hubOfTests, ID } from './support/hub.js'

let folder: string
let env: NodeJS.ProcessEnv
const hub = hubOfTests((place) => ({ folder, env } = place))

/** Expects exactly the files of the hub in the model's folder, and no parts. */
async function expectWhole(where = hubFolder(ID, env)): Promise<void> {
  const found = (await readdir(where, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  expect(found.map(({ name }) => name).sort()).toEqual(FILES.map((file) => file.split('/').at(-1)!).sort())
  for (const file of FILES) expect((await readFile(join(where, file))).equals(hub.files.get(file)!), file).toBe(true)
}

/** Puts bytes where a broken download would have left them. */
async function leavePart(file: string, bytes: Uint8Array): Promise<void> {
  const part = join(hubFolder(ID, env), `${file}.part`)
  await mkdir(dirname(part), { recursive: true })
  await writeFile(part, bytes)
}

describe('a server without ranges', () => {
  it('sends the file from its start', async () => {
    hub.ranges = false
    const file = 'vae/diffusion_pytorch_model.safetensors'
    await leavePart(file, hub.files.get(file)!.subarray(0, 1000))
    await pullModel(ID, { env })
    await expectWhole()
  })
})

describe('a list without checksums', () => {
  it('leaves the size to check', async () => {
    hub.checksums = false
    await pullModel(ID, { env })
    expect((await pullModel(ID, { env })).fetched).toBe(0)
    await expectWhole()
  })
})

describe("files in huggingface_hub's cache", () => {
  it('are copied, where they are whole', async () => {
    const blobs = join(folder, 'huggingface', 'hub', `models--${ID.replace('/', '--')}`, 'blobs')
    await mkdir(blobs, { recursive: true })
    const [unet, config] = ['unet/diffusion_pytorch_model.safetensors', 'unet/config.json'].map((path) =>
      hub.files.get(path)!,
    )
    const [vae, encoder] = ['vae/diffusion_pytorch_model.safetensors', 'image_encoder/model.safetensors']
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex')
    const gitOid = createHash('sha1').update(`blob ${config!.length}\0`).update(config!).digest('hex')
    await writeFile(join(blobs, hash(unet!)), unet!)
    await writeFile(join(blobs, gitOid), config!)
    // One is damaged, one is cut.
    await writeFile(join(blobs, hash(hub.files.get(vae)!)), Buffer.alloc(hub.files.get(vae)!.length))
    await writeFile(join(blobs, hash(hub.files.get(encoder)!)), hub.files.get(encoder)!.subarray(1))
    await pullModel(ID, { env })
    await expectWhole()
    const asked = hub.requests.filter((path) => path.includes('/resolve/'))
    expect(asked.map((path) => path.split('/main/')[1]).sort()).toEqual(
      [...FILES.filter((file) => !file.startsWith('unet/'))].sort(),
    )
  })
})

describe('what was left', () => {
  it.each([
    ['by a process that has ended', 0, '99999999'],
    ['on another machine, long ago', 3600, '1'],
  ])('%s is gone on with, and removed', async (_, age, pid) => {
    const file = 'unet/diffusion_pytorch_model.safetensors'
    const content = hub.files.get(file)!
    const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 6)
    const target = join(hubFolder(ID, env), file)
    await mkdir(dirname(target), { recursive: true })
    const owner = age === 0 ? host : 'abcdef'
    for (const end of ['aa', 'bb']) {
      const part = `${target}.${owner}-${pid}-${end}.part`
      await writeFile(part, content.subarray(0, 1_000_000))
      await utimes(part, Date.now() / 1000 - age, Date.now() / 1000 - age)
    }
    const { fetched, bytes } = await pullModel(ID, { env })
    expect(fetched).toBeLessThan(bytes - 999_999)
    await expectWhole()
  })

  it('by others that may still write is left to them', async () => {
    const target = join(hubFolder(ID, env), 'vae/config.json')
    const others = [`${target}.abcdef-1-aa.part`, `${target}.bak.part`]
    await mkdir(dirname(target), { recursive: true })
    for (const other of others) await writeFile(other, 'x')
    await pullModel(ID, { env })
    for (const other of others) expect(await readFile(other, 'utf8')).toBe('x')
  })
})

describe('a part that is of another file', () => {
  it.each([10, 5_000_000])('is not gone on with: %i bytes', async (length) => {
    await leavePart('vae/config.json', new Uint8Array(length).fill(1))
    await leavePart('unet/diffusion_pytorch_model.safetensors', new Uint8Array(length).fill(1))
    await pullModel(ID, { env })
    await expectWhole()
  })
})

describe('a process', () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const pull = () =>
    spawn(process.execPath, ['--import', 'tsx', main, 'pull', ID], {
      ...{ cwd: join(dirname(main), '../..'), env: { ...process.env, ...env } },
    })
  const end = (child: ReturnType<typeof pull>) => new Promise((resolve) => child.on('close', resolve))

  it('beside another gets the model as well, beginning with a part', async () => {
    hub.pace = 10
    await leavePart('unet/config.json', hub.files.get('unet/config.json')!.subarray(0, 100))
    expect(await Promise.all([end(pull()), end(pull())])).toEqual([0, 0])
    await expectWhole()
  })

  it('that is killed leaves what it has to the next', async () => {
    hub.pace = 20
    const child = pull()
    const file = 'unet/diffusion_pytorch_model.safetensors'
    while (!hub.requests.some((path) => path.endsWith(file))) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, 70))
    child.kill('SIGKILL')
    await end(child)
    hub.pace = 0
    const { fetched, bytes } = await pullModel(ID, { env })
    const before = FILES.slice(0, FILES.indexOf(file)).map((path) => hub.files.get(path)!.length)
    expect(fetched).toBeGreaterThan(0)
    expect(fetched).toBeLessThan(bytes - before.reduce((sum, size) => sum + size, 0) - 1_000_000)
    await expectWhole()
  })
})

describe('two at once', () => {
  it('in one process both get the model', async () => {
    hub.pace = 3
    await Promise.all([pullModel(ID, { env }), pullModel(ID, { env })])
    await expectWhole()
  })
})

it('a download that breaks, comes damaged, is begun by several or anew ends with the very files or an error', async () => {
  for (const file of [...hub.files.keys()].filter((name) => name.endsWith('.safetensors')))
    hub.files.set(file, hub.files.get(file)!.subarray(0, 3000))
  const [small, large] = ['unet/config.json', 'unet/diffusion_pytorch_model.safetensors']
  const fault = fc.oneof(
    fc.record({ cut: fc.nat(3000) }),
    fc.constant<Fault>({ damaged: true }),
    fc.constant<Fault>({ status: 503, headers: { 'retry-after': '0' } }),
    fc.constant<Fault>({}),
  )
  const part = fc.option(fc.record({ length: fc.nat(4000), right: fc.boolean() }), { nil: undefined })
  const file = fc.record({ part, faults: fc.array(fault, { maxLength: 5 }) })
  await fc.assert(
    fc.asyncProperty(file, file, fc.boolean(), fc.integer({ min: 1, max: 3 }), async (one, other, ranges, several) => {
      hub.ranges = ranges
      for (const [name, { part, faults }] of [
        [small, one],
        [large, other],
      ] as const) {
        hub.faults.set(name, [...faults])
        const content = hub.files.get(name)!
        if (part)
          await leavePart(name, part.right ? content.subarray(0, part.length) : new Uint8Array(part.length).fill(9))
      }
      const results = await Promise.allSettled(Array.from({ length: several }, () => pullModel(ID, { env })))
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(UserError)
      if (results.some(({ status }) => status === 'fulfilled')) await expectWhole()
      // Whatever happened, the next one mends it.
      hub.faults.clear()
      await pullModel(ID, { env })
      await expectWhole()
      await rm(folder, { recursive: true, force: true })
    }),
    { numRuns: 20 },
  )
})
