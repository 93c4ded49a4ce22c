import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
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
      const own = { seed, steps: seed === 1 ? 200 : 1 }
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
})
