import { createServer, type Server } from 'node:http'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import Replicate, { validateWebhook, type Prediction } from 'replicate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running } from '../../src/server/serve.js'
import { TINY_PICTURE } from '../pipeline/tiny.js'
import { dataUrl, startService, temporaryFolder, until } from './service.js'

/** A webhook as it came. */
interface Received {
  readonly headers: Record<string, string>
  readonly body: string
}

describe('the official client of Replicate', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let service: Running
  let replicate: Replicate
  let image: string
  let listener: Server
  let hook: string
  const received: Received[] = []

  beforeAll(async () => {
    listener = createServer((request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        received.push({ headers: request.headers as Record<string, string>, body })
        // The first try of each fails: it must come again.
        response.statusCode = received.length === 1 ? 500 : 200
        response.end()
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => listener.once('listening', resolve))
    hook = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`
    folder = await temporaryFolder()
    service = await startService(folder.path, { allowUrl: ['127.0.0.1'] })
    replicate = new Replicate({ auth: 'none', baseUrl: `${service.url}/v1`, useFileOutput: false })
    image = dataUrl(await readFile(TINY_PICTURE))
  })
  afterAll(async () => {
    await service?.close(0)
    listener?.close()
    await folder?.remove()
  })

  it('runs a model, waiting in the request and by polling', async () => {
    for (const wait of [{ mode: 'block' }, { mode: 'poll', interval: 50 }] as const) {
      const input = { image, frames: 2, seed: wait.mode.length, format: 'gif' }
      const output = (await replicate.run('sfv/pipeline-tiny', { input, wait })) as unknown as string
      const file = await fetch(output)
      expect(file.headers.get('content-type')).toBe('image/gif')
      expect(
        Buffer.from(await file.arrayBuffer())
          .subarray(0, 6)
          .toString(),
      ).toBe('GIF89a')
    }
  })

  it('cancels a prediction that runs', async () => {
    const model = 'sfv/pipeline-tiny'
    const { id, status } = await replicate.predictions.create({
      model,
      input: { image, frames: 2, steps: 1000, seed: 1 },
    })
    expect(status).toBe('starting')
    await until(async () => (await replicate.predictions.get(id)).status === 'processing')
    expect((await replicate.predictions.cancel(id)).status).toBe('canceled')
    expect((await replicate.predictions.get(id)).status).toBe('canceled')
  })

  it('is told of its end, signed, and again where that failed', async () => {
    const created = await replicate.predictions.create({
      version: service.model.digest,
      input: { image, frames: 2, seed: 2 },
      webhook: hook,
      webhook_events_filter: ['completed'],
    })
    const [first, second] = await until(() => received.length >= 2 && received)
    expect(JSON.parse(second!.body)).toMatchObject({
      id: created.id,
      status: 'succeeded',
    } satisfies Partial<Prediction>)
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id'])
    const { key } = await replicate.webhooks.default.secret.get()
    const signedBy = (body: string) =>
      validateWebhook({
        id: second!.headers['webhook-id']!,
        timestamp: second!.headers['webhook-timestamp']!,
        signature: second!.headers['webhook-signature']!,
        body,
        secret: key,
      })
    expect(await signedBy(second!.body)).toBe(true)
    expect(await signedBy(`${second!.body} `)).toBe(false)
  })
})
