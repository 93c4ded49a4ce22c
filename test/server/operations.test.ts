import type { ChildProcess } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { lockFolder } from '../../src/server/folder-lock.js'
import { sfv } from '../cli/sfv.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { dataUrl, SETTINGS, startService, temporaryFolder, until } from './service.js'

const body = async (own: object) => {
  const input_reference = dataUrl(await readFile(TINY_PICTURE))
  return JSON.stringify({ input_reference, frames: 2, format: 'gif', ...own })
}
const headers = { 'content-type': 'application/json' }
const post = async (url: string, own: object) =>
  fetch(`${url}/v1/videos`, { method: 'POST', headers, body: await body(own) })

it('tells how it is, describes itself, and refuses what is too much', async () => {
  const folder = await temporaryFolder()
  const service = await startService(folder.path, { limits: { ...SETTINGS.limits, queuedPerToken: 2 } })
  try {
    const { url } = service
    expect(await (await fetch(`${url}/readyz`)).text()).toBe('ready\n')
    const long = (await (await post(url, { seed: 1, steps: 1000 })).json()) as { id: string }
    await until(() => service.queue.store.get(long.id)!.state === 'in_progress')
    expect((await post(url, { seed: 2 })).status).toBe(200)
    expect((await post(url, { seed: 3 })).status).toBe(200)
    const refused = await post(url, { seed: 4 })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    // What is there already is no more work.
    expect((await post(url, { seed: 3 })).status).toBe(200)

    await fetch(`${url}/v1/videos/${long.id}`, { method: 'DELETE' })
    await until(() => service.queue.counts().states.completed === 2)
    // A state is on disk before listeners are told of it, so counters follow a little later.
    const metrics = async () => (await fetch(`${url}/metrics`)).text()
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(/^sfv_steps_total 2$/m)
    expect(await metrics()).toMatch(/^sfv_jobs\{state="completed"\} 2$/m)
    expect(await metrics()).toMatch(/^sfv_stage_seconds_count\{stage="decode"\} [1-9]/m)
    expect(await metrics()).toMatch(/^sfv_queue_age_seconds 0$/m)

    const api = (await (await fetch(`${url}/openapi.json`)).json()) as {
      openapi: string
      paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { properties: object } }> } } }>
    }
    expect(api.openapi).toBe('3.1.0')
    const { content } = api.paths['/v1/videos']!.post.requestBody
    expect(Object.keys(content['application/json']!.schema.properties)).toEqual(
      expect.arrayContaining([
        'input_reference',
        'seconds',
        'frames',
        'size',
        'seed',
        'motion',
        'steps',
        'loop',
        'format',
      ]),
    )
    const page = await fetch(`${url}/docs`)
    expect(await page.text()).toContain('noise_aug')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('refuses clips that are too large, and fields and bodies that are none', async () => {
  const folder = await temporaryFolder()
  const service = await startService(folder.path)
  try {
    const refused = async (own: object) =>
      ((await (await post(service.url, own)).json()) as { error: { param: string; message: string } }).error
    expect(await refused({ frames: 300 })).toMatchObject({
      param: 'frames',
      message: expect.stringContaining('pixels'),
    })
    expect(await refused({ seed: 2 ** 60 })).toMatchObject({
      message: expect.stringContaining('a whole number from 0'),
    })
    for (const text of ['[]', 'null', '7'])
      expect(
        await (await fetch(`${service.url}/v1/videos`, { method: 'POST', headers, body: text })).json(),
      ).toMatchObject({ error: { message: 'the body: give an object of fields' } })
    const form = new FormData()
    form.set('input_reference', new File([await readFile(TINY_PICTURE)], 'a.png'))
    form.set('mask', new File([await readFile(TINY_PICTURE)], 'b.png'))
    expect(await (await fetch(`${service.url}/v1/videos`, { method: 'POST', body: form })).json()).toMatchObject({
      error: { code: 'unknown_parameter', param: 'mask' },
    })
    // Of what was refused nothing is kept.
    expect(await readdir(join(folder.path, 'inputs'))).toEqual([])
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('tells clients to come again while it can keep no files, and goes on with what runs', async () => {
  const folder = await temporaryFolder()
  const service = await startService(folder.path)
  const jobs = join(folder.path, 'jobs')
  try {
    const runs = (await (await post(service.url, { seed: 1, steps: 20 })).json()) as { id: string }
    await rename(jobs, `${jobs}-away`)
    await writeFile(jobs, '')
    const refused = await post(service.url, { seed: 2 })
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ error: { code: 'storage_failed' } })
    await until(() => service.queue.store.get(runs.id)!.state === 'completed')
    await rm(jobs)
    await rename(`${jobs}-away`, jobs)
    expect((await post(service.url, { seed: 2 })).status).toBe(200)
    await until(() => service.queue.counts().states.completed === 2)
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('keeps a clip that is asked for again while it is being removed', async () => {
  const folder = await temporaryFolder()
  const service = await startService(folder.path)
  try {
    const { id } = (await (await post(service.url, { seed: 1, steps: 40 })).json()) as { id: string }
    await until(() => service.queue.store.get(id)!.state === 'in_progress')
    const job = { ...service.queue.store.get(id)!, state: 'queued' as const }
    const picture = await readFile(TINY_PICTURE)
    // Its end is told before what runs has heard of it.
    const again = new Promise((resolve) => {
      service.queue.listen(id, (event) => {
        if (event.type === 'state' && event.job.state === 'canceled') resolve(service.queue.submit(job, picture))
      })
    })
    expect((await fetch(`${service.url}/v1/videos/${id}`, { method: 'DELETE' })).status).toBe(200)
    expect(await again).toMatchObject({ id, state: 'queued' })
    await until(() => service.queue.store.get(id)!.state === 'completed')
    expect((await fetch(`${service.url}/v1/videos/${id}/content`)).status).toBe(200)
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('leaves no file open to listeners who go, nor to who asks for headers alone', async () => {
  const folder = await temporaryFolder()
  const service = await startService(folder.path)
  try {
    const { id } = (await (await post(service.url, { seed: 1 })).json()) as { id: string }
    await until(() => service.queue.store.get(id)!.state === 'completed')
    const long = (await (await post(service.url, { seed: 2, steps: 1000 })).json()) as { id: string }
    const leave = new AbortController()
    const { signal } = leave
    const listeners = await Promise.all(
      Array.from({ length: 200 }, () => fetch(`${service.url}/v1/videos/${long.id}/events`, { signal })),
    )
    expect(listeners.every(({ status }) => status === 200)).toBe(true)
    const head = await fetch(`${service.url}/v1/videos/${id}/content`, { method: 'HEAD' })
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100)
    leave.abort()
    await expect.poll(() => service.queue.listenersOf(long.id), { timeout: 10_000 }).toBe(0)
    const open = await readdir('/proc/self/fd').catch(() => [])
    const paths = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    expect(paths.filter((path) => path.includes(folder.path))).toEqual([])
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('tells two servers of one folder apart, also on two machines', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'serve.lock')
  try {
    const unlock = await lockFolder(folder.path)
    expect(await readFile(path, 'utf8')).toBe(`${hostname()} ${process.pid}`)
    await unlock()
    // The other machine's server lives as long as it touches its lock.
    await writeFile(path, 'elsewhere 1')
    const beat = setInterval(() => void utimes(path, new Date(), new Date()), 200)
    await expect(lockFolder(folder.path)).rejects.toThrow('is used by another sfv serve (elsewhere 1)')
    clearInterval(beat)
    await (
      await lockFolder(folder.path)
    )()
  } finally {
    await folder.remove()
  }
})

it('serves the studio at its root, isolated from other sites, and nothing above its folder', async () => {
  const folder = await temporaryFolder()
  const studio = join(folder.path, 'studio')
  await mkdir(join(studio, 'assets'), { recursive: true })
  await writeFile(join(studio, 'index.html'), '<title>studio</title>')
  await writeFile(join(studio, 'assets', 'engine.wasm'), '')
  await writeFile(join(folder.path, 'secret'), 'of nobody')
  const service = await startService(folder.path, { studio })
  try {
    const page = await fetch(`${service.url}/`)
    expect(await page.text()).toBe('<title>studio</title>')
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp')
    expect((await fetch(`${service.url}/assets/engine.wasm`)).headers.get('content-type')).toBe('application/wasm')
    for (const path of ['/..%2fsecret', '/%2e%2e/secret', '/assets/..%2f..%2fsecret', '/..%5csecret'])
      expect((await fetch(`${service.url}${path}`)).status).toBe(404)
  } finally {
    await service.close(0)
    await folder.remove()
  }
})

it('says so where no worker process can be started', async () => {
  const folder = await temporaryFolder()
  const before = process.env['NODE_OPTIONS']
  try {
    process.env['NODE_OPTIONS'] = '--require /nowhere'
    await expect(startService(folder.path)).rejects.toThrow(
      /^a worker process ended \(1\) before it had opened the model/,
    )
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
    await folder.remove()
  }
})

it('ends on SIGTERM and goes on after a SIGKILL, with every job', async () => {
  const folder = await temporaryFolder()
  const start = () => {
    let child: ChildProcess | undefined
    let log = ''
    const args = ['serve', '--port', '0', '--data', folder.path, '--model', TINY, '--grace', '0']
    const ended = sfv(args, (started) => {
      child = started
      started.stderr!.on('data', (part: Buffer) => (log += part.toString()))
    })
    const url = until(() => /listening at (http:\S+),/.exec(log)?.[1])
    return { ended, url, kill: (signal: NodeJS.Signals) => child!.kill(signal) }
  }
  try {
    const ids: string[] = []
    const first = start()
    for (const seed of [1, 2]) {
      const own = { seed, steps: seed === 1 ? 60 : 1 }
      ids.push(((await (await post(await first.url, own)).json()) as { id: string }).id)
    }
    first.kill('SIGKILL')
    expect((await first.ended).signal).toBe('SIGKILL')
    const second = start()
    await second.url
    second.kill('SIGTERM')
    expect(await second.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('ending') })
    const third = start()
    const url = await third.url
    for (const id of ids) {
      const status = await until(async () => {
        const video = (await (await fetch(`${url}/v1/videos/${id}`)).json()) as { status: string }
        return /completed|failed/.test(video.status) && video.status
      })
      expect(status).toBe('completed')
    }
    third.kill('SIGTERM')
    expect(await third.ended).toMatchObject({ code: 0, signal: null })
  } finally {
    await folder.remove()
  }
}, 180_000)
