import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Env, Service } from './context.js'
import { isOver, type Job } from './job.js'
import type { JobEvent } from './job-queue.js'
import { jobFor } from './videos.js'

/** How often a comment is sent that keeps the connection open through proxies, in milliseconds. */
const HEARTBEAT_MS = 15_000

/** `GET /v1/videos/{id}/events`: what `animate` reports, as server-sent events, until the job has ended. */
export function eventRoutes(service: Service): Hono<Env> {
  const { queue } = service
  return new Hono<Env>().get('/:id/events', (c) => {
    const { id } = jobFor(c, service, 'video')
    c.header('Cache-Control', 'no-store')
    return streamSSE(c, async (stream) => {
      const sent: JobEvent[] = []
      let wake: () => void = () => undefined
      let isOpen = true
      const unsubscribe = queue.listen(id, (event) => {
        sent.push(event)
        wake()
      })
      stream.onAbort(() => {
        isOpen = false
        wake()
      })
      const beat = setInterval(() => void stream.write(': \n\n'), HEARTBEAT_MS)
      try {
        const job = queue.store.get(id)
        if (!job) return
        await stream.writeSSE({ event: 'state', data: JSON.stringify(stateOf(job)) })
        if (isOver(job)) return
        while (isOpen) {
          const event = sent.shift()
          if (!event) {
            await new Promise<void>((resolve) => (wake = resolve))
            continue
          }
          const data = event.type === 'state' ? stateOf(event.job) : { ...event.progress, detail: event.detail }
          await stream.writeSSE({ event: event.type, data: JSON.stringify(data) })
          if (event.type === 'state' && isOver(event.job)) return
        }
      } finally {
        clearInterval(beat)
        unsubscribe()
      }
    })
  })
}

function stateOf({ id, state, error }: Job): object {
  return { id, status: state === 'canceled' ? 'failed' : state, error: error ?? null }
}
