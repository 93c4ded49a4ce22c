import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readClipAt } from '../../src/media/read-clip.node.js'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TINY, TINY_PICTURE } from '../pipeline/tiny.js'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import type { Running } from '../../src/server/serve.js'
import { startService, temporaryFolder, until } from './service.js'

/** What sfv has beside OpenAI's fields. */
type Own = Record<string, unknown>

describe('the official client of OpenAI', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let service: Running
  let client: OpenAI
  let model: string

  const create = (own: Own) =>
    client.videos.create({
      prompt: 'a wave',
      input_reference: createReadStream(TINY_PICTURE),
      ...own,
    })
  const ended = (id: string) =>
    until(async () => {
      const video = await client.videos.retrieve(id)
      return video.status === 'completed' || video.status === 'failed' ? video : false
    })

  beforeAll(async () => {
    folder = await temporaryFolder()
    service = await startService(folder.path)
    client = new OpenAI({ apiKey: 'none', baseURL: `${service.url}/v1`, maxRetries: 0 })
    model = (await client.models.list()).data[0]!.id
  })
  afterAll(async () => {
    await service?.close(0)
    await folder?.remove()
  })

  it('creates, polls, downloads and removes a video', async () => {
    const created = await create({ model, seconds: '0.29', size: '64x64', seed: 3, format: 'webp,mp4' })
    expect(created).toMatchObject({ object: 'video', model, prompt: 'a wave', size: '64x64', frames: 2, error: null })
    const done = await ended(created.id)
    expect(done).toMatchObject({ status: 'completed', progress: 100, error: null })

    const file = await client.videos.downloadContent(created.id)
    expect(file.headers.get('content-type')).toBe('image/webp')
    const bytes = Buffer.from(await file.arrayBuffer())
    const path = join(folder.path, 'got.webp')
    await writeFile(path, bytes)
    const { frames } = await readClipAt(path, { fps: 7, size: { width: 64, height: 64 }, maxFrames: 9, fit: 'cover' })
    expect(frames.count).toBe(2)

    const bare = await ImageToVideo.fromPretrained(TINY, { threads: 1, cache: false })
    const clip = await bare.animate(TINY_PICTURE, { frames: 2, width: 64, height: 64, seed: 3 })
    await clip.save(join(folder.path, 'bare.webp'))
    expect(bytes.equals(await readFile(join(folder.path, 'bare.webp')))).toBe(true)

    await client.videos.delete(created.id)
    await expect(client.videos.retrieve(created.id)).rejects.toMatchObject({ status: 404, code: 'not_found' })
  })

  it('gets the same video for the same request, made once', async () => {
    const first = await create({ frames: 2, seed: 4 })
    const done = await ended(first.id)
    const second = await create({ frames: '2', seed: '4', prompt: 'other words' })
    expect(second).toMatchObject({ id: first.id, completed_at: done.completed_at })
  })

  it('pages through its videos', async () => {
    const made = [
      await create({ frames: 2, seed: 11 }),
      await create({ frames: 2, seed: 12 }),
      await create({ frames: 2, seed: 13 }),
    ]
    const seen: string[] = []
    for await (const video of client.videos.list({ limit: 2, order: 'asc' })) seen.push(video.id)
    expect(seen.slice(-3)).toEqual(made.map(({ id }) => id))
  })

  it('cancels what runs', async () => {
    const long = await create({ frames: 2, steps: 1000, seed: 5 })
    await until(async () => (await client.videos.retrieve(long.id)).status === 'in_progress')
    const before = performance.now()
    await client.videos.delete(long.id)
    expect(performance.now() - before).toBeLessThan(10_000)
    await expect(client.videos.retrieve(long.id)).rejects.toMatchObject({ status: 404 })
    expect((await ended((await create({ frames: 2, seed: 6 })).id)).status).toBe('completed')
  })

  it('is told the field that is wrong', async () => {
    const refused = (own: Own) =>
      create(own).then(
        () => undefined,
        (error: unknown) => error,
      )
    expect(await refused({ steps: 'many' })).toMatchObject({ status: 400, param: 'steps', code: 'invalid_value' })
    expect(await refused({ size: 'large' })).toMatchObject({ status: 400, param: 'size' })
    expect(await refused({ seconds: 1, frames: 2 })).toMatchObject({ status: 400, param: 'seconds' })
    expect(await refused({ colour: 'red' })).toMatchObject({ status: 400, param: 'colour', code: 'unknown_parameter' })
    expect(await refused({ model: '../fluent' })).toMatchObject({
      status: 404,
      param: 'model',
      code: 'model_not_found',
    })
    expect(await refused({ format: '../../x' })).toMatchObject({ status: 400, param: 'format' })
  })

  it('tells of a clip that cannot be made', async () => {
    const { id } = await create({ frames: 2, size: '65x64', seed: 1 })
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'generation_failed' } })
  })

  it('sends the stages as events', async () => {
    const { id } = await create({ frames: 2, seed: 21 })
    const text = await (await fetch(`${service.url}/v1/videos/${id}/events`)).text()
    expect(text).toContain('"stage":"decode"')
    expect(text.trimEnd().split('\n\n').at(-1)).toContain('"status":"completed"')
  })

  it('replaces a worker that is killed, and makes its clip again', async () => {
    const { id } = await create({ frames: 2, seed: 31, steps: 30 })
    await until(async () => (await client.videos.retrieve(id)).status === 'in_progress')
    process.kill((service.executor as { pids?: number[] }).pids![0]!, 'SIGKILL')
    expect(await ended(id)).toMatchObject({ status: 'completed' })
    expect(service.queue.store.get(id)!.deaths).toBe(1)
  })

  it('gives a clip up that kills two workers', async () => {
    const { id } = await create({ frames: 2, seed: 32, steps: 1000 })
    for (let i = 0; i < 2; i++) {
      await until(
        () => service.queue.store.get(id)!.deaths === i && service.queue.store.get(id)!.state === 'in_progress',
      )
      process.kill((service.executor as { pids?: number[] }).pids![0]!, 'SIGKILL')
    }
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'poison' } })
    expect((await ended((await create({ frames: 2, seed: 33 })).id)).status).toBe('completed')
  })
})
