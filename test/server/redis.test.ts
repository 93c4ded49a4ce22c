import { fork, type ChildProcess } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { injectFaults } from '../../scripts/faults-run.js'
import type { Running } from '../../src/server/serve.js'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { hasRedis, startRedis } from './redis-server.js'
import { dataUrl, startService, temporaryFolder, until } from './service.js'

const child = fileURLToPath(new URL('worker-child.ts', import.meta.url))

// `redis-server` of Debian's packages is asked for; .ci/run installs it.
describe.skipIf(!hasRedis)('workers on Redis', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let redis: Awaited<ReturnType<typeof startRedis>>
  let service: Running
  const workers: ChildProcess[] = []

  const startWorker = async () => {
    const worker = fork(child, [redis.url, folder.path], { execArgv: ['--import', 'tsx'] })
    workers.push(worker)
    await new Promise((resolve) => worker.once('message', resolve))
    return worker
  }
  const create = async (own: object) => {
    const body = JSON.stringify({
      input_reference: dataUrl(await readFile(TINY_PICTURE)),
      frames: 2,
      format: 'gif',
      ...own,
    })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${service.url}/v1/videos`, { method: 'POST', headers, body })
    return (await response.json()) as { id: string; status: string }
  }
  const stateOf = async (id: string) =>
    (await (await fetch(`${service.url}/v1/videos/${id}`)).json()) as { status: string; error: { code: string } | null }
  const ended = (id: string) => until(async () => /completed|failed/.test((await stateOf(id)).status) && stateOf(id))

  beforeAll(async () => {
    folder = await temporaryFolder()
    redis = await startRedis()
    service = await startService(folder.path, { queue: redis.url })
  })
  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL')
    await service?.close(0)
    await redis?.stop()
    await folder?.remove()
  })

  it('keeps jobs until a worker comes, and tells of mistakes', async () => {
    const good = await create({ seed: 1 })
    const bad = await create({ seed: 1, size: '65x64' })
    expect((await stateOf(good.id)).status).toBe('queued')
    await startWorker()
    expect(await ended(good.id)).toMatchObject({ status: 'completed' })
    expect(await ended(bad.id)).toMatchObject({ status: 'failed', error: { code: 'generation_failed' } })
  })

  it('asks for the password that Redis wants', async () => {
    for (const url of [redis.url.replace('of-the-tests', 'wrong'), redis.url.replace(':of-the-tests@', '')])
      await expect(startService(join(folder.path, 'other'), { queue: url })).rejects.toThrow(
        /^cannot reach the queue at 127.0.0.1:\d+: it wants another password; give it as redis:/,
      )
  })

  it('ends at the worker what is removed, and hears what a clip took', async () => {
    const { id } = await create({ seed: 4, steps: 1000 })
    await until(async () => (await stateOf(id)).status === 'in_progress')
    await fetch(`${service.url}/v1/videos/${id}`, { method: 'DELETE' })
    const next = await create({ seed: 5 })
    expect(await ended(next.id)).toMatchObject({ status: 'completed' })
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text()
    await expect.poll(metrics).toMatch(/^sfv_stage_seconds_count\{stage="decode"\} [1-9]/m)
  })

  it('gives the job of a worker that has stopped beyond its lock to another; of two results one stays', async () => {
    const [first] = workers
    const { id } = await create({ seed: 2, steps: 100 })
    await until(async () => (await stateOf(id)).status === 'in_progress')
    first!.kill('SIGSTOP')
    await startWorker()
    expect(await ended(id)).toMatchObject({ status: 'completed' })
    const path = join(folder.path, 'results', `${service.queue.store.get(id)!.identity}.gif`)
    const [bytes, { ino }] = [await readFile(path), await stat(path)]
    first!.kill('SIGCONT')
    const after = await create({ seed: 3 })
    expect(await ended(after.id)).toMatchObject({ status: 'completed' })
    expect(await ended(id)).toMatchObject({ status: 'completed' })
    expect((await stat(path)).ino).toBe(ino)
    expect((await readFile(path)).equals(bytes)).toBe(true)
  })
})

it.skipIf(!hasRedis)(
  'loses none of 50 jobs while workers, the server and Redis are killed',
  async () => {
    const folder = await temporaryFolder()
    try {
      const damage = await injectFaults({
        ...{ folder: folder.path, model: TINY, picture: TINY_PICTURE },
        ...{ jobs: 50, workers: 2, kills: 1, pause: 3000, seed: 1 },
      })
      expect(damage).toMatchObject({ lost: 0, changed: 0, halved: 0, kills: { worker: 1, server: 1, redis: 1 } })
      expect(damage.completed + damage.failed).toBe(50)
    } finally {
      await folder.remove()
    }
  },
  240_000,
)
