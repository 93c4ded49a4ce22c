import { Hono, type Context } from 'hono'
import { ApiError, invalid } from './api-error.js'
import type { Env, Service } from './context.js'
import { CLIP_FORMATS, isOver, type ClipFormat, type Job } from './job.js'
import { takePicture } from './picture-intake.js'
import { predictionOf, predictionRequest } from './prediction-form.js'
import { checked, clipSettings } from './video-request.js'
import { checkModel, jobFor, newJob, sendClip } from './videos.js'

/** The longest that `Prefer: wait` holds an answer back, in seconds (Replicate's limit). */
const MOST_WAIT = 60

/** A facade in Replicate's form over the same jobs. */
export function predictionRoutes(service: Service): Hono<Env> {
  const { queue, model } = service
  const app = new Hono<Env>()
  const create = async (c: Context<Env>, name?: string) => {
    const body = checked(predictionRequest, await jsonOf(c))
    const asked = body.version ?? name
    if (asked !== model.digest) checkModel(asked?.split('/').at(-1), service)
    const { image, prompt = null, ...settings } = body.input
    if (body.webhook !== undefined) service.outbound.check(body.webhook, 'webhook')
    const picture = await takePicture(image, 'input.image', service.limits, service.outbound)
    const events = body.webhook_events_filter ?? ['start', 'output', 'logs', 'completed']
    const job = newJob(
      {
        picture,
        ...clipSettings(settings, model, service.limits),
        owner: c.get('owner'),
        kind: 'prediction',
        prompt,
        ...(body.webhook !== undefined && { webhook: { url: body.webhook, base: baseOf(c), events } }),
      },
      service,
    )
    const taken = await queue.submit(job, picture)
    const wait = secondsToWait(c.req.header('prefer'))
    if (wait > 0) await ended(taken, service, wait * 1000, c.req.raw.signal)
    return c.json(predictionOf(queue.store.get(taken.id) ?? taken, service, baseOf(c)), 201)
  }
  app.post('/predictions', (c) => create(c))
  app.post('/models/:owner/:name/predictions', (c) => create(c, c.req.param('name')))
  app.get('/predictions/:id', (c) => c.json(predictionOf(jobFor(c, service, 'prediction'), service, baseOf(c))))
  app.post('/predictions/:id/cancel', async (c) => {
    const { id } = jobFor(c, service, 'prediction')
    return c.json(predictionOf((await queue.cancel(id))!, service, baseOf(c)))
  })
  app.get('/predictions/:id/output/:format', (c) => {
    const format = c.req.param('format')
    if (!(CLIP_FORMATS as readonly string[]).includes(format))
      throw invalid('format', `format: give one of ${CLIP_FORMATS.join(', ')}`)
    return sendClip(c, jobFor(c, service, 'prediction'), service, format as ClipFormat)
  })
  app.get('/webhooks/default/secret', async (c) => c.json({ key: await service.data.webhookSecret() }))
  return app
}

async function jsonOf(c: Context<Env>): Promise<unknown> {
  try {
    return await c.req.json()
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError(400, 'invalid_body', 'the body is not whole JSON; send it again as application/json')
  }
}

/** The server's address as the client reached it. */
function baseOf(c: Context<Env>): string {
  return new URL(c.req.url).origin
}

/** `Prefer: wait` or `wait=5` (RFC 7240, 4.3). */
function secondsToWait(prefer: string | undefined): number {
  const [, seconds] = /\bwait(?:=(\d+))?\b/.exec(prefer ?? '') ?? [undefined, '0']
  return Math.min(seconds === undefined ? MOST_WAIT : Number(seconds), MOST_WAIT)
}

/** Waits for a job's end, for a time, or until the client has gone. */
async function ended({ id }: Job, { queue }: Service, milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      stop()
      resolve()
    }
    const timer = setTimeout(finish, milliseconds)
    const stop = queue.listen(id, (event) => event.type === 'state' && isOver(event.job) && finish())
    signal.addEventListener('abort', finish)
    const job = queue.store.get(id)
    if (!job || isOver(job)) finish()
  })
}
