import { createHmac, randomUUID } from 'node:crypto'
import type { Service } from './context.js'
import { isOver, type Job } from './job.js'
import { predictionOf } from './prediction-form.js'

/** The pauses before the tries, in milliseconds: about 20 minutes in all. */
const PAUSES_MS = [0, 1000, 5000, 30_000, 120_000, 300_000, 900_000]

/** Tells whoever a prediction names of its states, signed, and again after a while where that fails. */
export class Webhooks {
  readonly #end = new AbortController()
  readonly #sending = new Set<Promise<void>>()

  /** @param pauses before each try, in milliseconds */
  constructor(
    readonly service: Service,
    readonly pauses: readonly number[] = PAUSES_MS,
  ) {
    service.queue.listenAll((job) => this.#tell(job))
  }

  /** Ends what is being sent. */
  async close(): Promise<void> {
    this.#end.abort()
    await Promise.allSettled([...this.#sending])
  }

  #tell(job: Job): void {
    const { webhook, state } = job
    if (!webhook) return
    const wanted =
      (state === 'in_progress' && webhook.events.includes('start')) ||
      (isOver(job) && webhook.events.includes('completed')) ||
      (state === 'completed' && webhook.events.includes('output'))
    if (!wanted) return
    const sending = this.#send(webhook.url, JSON.stringify(predictionOf(job, this.service, webhook.base)))
    this.#sending.add(sending)
    void sending.finally(() => this.#sending.delete(sending))
  }

  async #send(address: string, body: string): Promise<void> {
    const { outbound, data } = this.service
    const id = `msg_${randomUUID()}`
    const secret = await data.webhookSecret()
    for (const pause of this.pauses) {
      if (!(await this.#wait(pause))) return
      try {
        const headers = { 'content-type': 'application/json', ...signed(id, body, secret, Date.now()) }
        const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(10_000)])
        const response = await outbound.send(outbound.check(address, 'webhook'), {
          method: 'POST',
          headers,
          body,
          signal,
        })
        await response.body?.cancel()
        if (response.ok) return
      } catch {
        // Whatever it was, it may be over the next time.
      }
    }
  }

  /** Whether the server goes on after a pause. */
  #wait(milliseconds: number): Promise<boolean> {
    const { signal } = this.#end
    if (signal.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const done = (goesOn: boolean) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        resolve(goesOn)
      }
      const stop = () => done(false)
      const timer = setTimeout(() => done(true), milliseconds)
      signal.addEventListener('abort', stop)
    })
  }
}

/**
 * The headers of a signed webhook (Standard Webhooks, "Signature scheme").
 *
 * @param secret `whsec_` and a key in base64
 * @param now in milliseconds since 1970
 */
function signed(id: string, body: string, secret: string, now: number): Record<string, string> {
  const timestamp = `${Math.floor(now / 1000)}`
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
