import { Hono, type Context } from 'hono'
import { z } from 'zod'
import { ApiError, invalid, notFound } from './api-error.js'
import type { Env, Service } from './context.js'
import { isOver, CLIP_FORMATS, identityOf, jobId, sha256, type ClipFormat, type Job } from './job.js'
import { takePicture } from './picture-intake.js'
import { checked, clipSettings, createVideoSchema } from './video-request.js'

const TYPES: Readonly<Record<ClipFormat, string>> = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  webp: 'image/webp',
  gif: 'image/gif',
  apng: 'image/apng',
}

/** OpenAI's `Video`, with sfv's settings. */
export const videoSchema = z.object({
  id: z.string(),
  object: z.literal('video'),
  model: z.string(),
  status: z.enum(['queued', 'in_progress', 'completed', 'failed']),
  progress: z.number().describe('0 to 100'),
  created_at: z.number().describe('Seconds since 1970'),
  completed_at: z.number().nullable(),
  expires_at: z.null(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  prompt: z.string().nullable(),
  remixed_from_video_id: z.null(),
  seconds: z.string(),
  size: z.string(),
  frames: z.number(),
  fps: z.number(),
  seed: z.number(),
  steps: z.number(),
  motion: z.number().nullable(),
  loop: z.boolean(),
  formats: z.array(z.enum(CLIP_FORMATS)),
})

const LIMIT = 'give a whole number from 1 to 100'

/** The query of `GET /v1/videos`. */
export const listQuery = z.object({
  after: z.string().optional().describe('The id of the last video of the page before'),
  limit: z.coerce.number(LIMIT).int(LIMIT).min(1, LIMIT).max(100, LIMIT).default(20).describe('Videos of a page'),
  order: z.enum(['asc', 'desc'], 'give asc or desc').default('desc').describe('By the time of creation'),
})

/** The query of `GET /v1/videos/{id}/content`. */
export const contentQuery = z.object({
  format: z.enum(CLIP_FORMATS, `give one of ${CLIP_FORMATS.join(', ')}`).optional(),
  variant: z.literal('video', 'give video: thumbnails and sprite sheets are not made').optional(),
})

/** OpenAI's videos (API reference, "Videos"), with sfv's own settings as further fields. */
export function videoRoutes(service: Service): Hono<Env> {
  const { queue } = service
  const app = new Hono<Env>()
  app.post('/', async (c) => {
    const { input_reference, ...body } = checked(createVideoSchema, await bodyOf(c))
    const { model, prompt, ...asked } = body
    checkModel(model, service)
    const { settings, formats } = clipSettings(asked, service.model, service.limits)
    const picture = await takePicture(
      await fileOf(c, input_reference),
      'input_reference',
      service.limits,
      service.outbound,
    )
    const job = newJob(
      { picture, settings, formats, owner: c.get('owner'), kind: 'video', prompt: prompt ?? null },
      service,
    )
    return c.json(videoOf(await queue.submit(job, picture), service))
  })
  app.get('/', (c) => {
    const { after, limit, order } = checked(listQuery, c.req.query())
    const all = [...queue.store.values()].filter(({ kind, owner }) => kind === 'video' && owner === c.get('owner'))
    if (order === 'desc') all.reverse()
    const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && from === 0) throw invalid('after', 'after: there is no such video; give the id of one')
    const page = all.slice(from, from + limit).map((job) => videoOf(job, service))
    return c.json({
      object: 'list',
      data: page,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
      has_more: from + limit < all.length,
    })
  })
  app.get('/:id', (c) => c.json(videoOf(jobFor(c, service, 'video'), service)))
  app.delete('/:id', async (c) => {
    const { id } = jobFor(c, service, 'video')
    await queue.remove(id)
    return c.json({ id, object: 'video.deleted', deleted: true })
  })
  app.get('/:id/content', (c) => {
    const { format } = checked(contentQuery, c.req.query())
    return sendClip(c, jobFor(c, service, 'video'), service, format)
  })
  return app
}

/** What a job is made of. */
interface NewJob extends Pick<Job, 'settings' | 'formats' | 'owner' | 'kind' | 'prompt' | 'webhook'> {
  readonly picture: Uint8Array
}

/** The job of a request. */
export function newJob({ picture, ...asked }: NewJob, { model }: Service): Job {
  const input = sha256(picture)
  const identity = identityOf(model.digest, input, asked.settings)
  return {
    ...asked,
    id: jobId(asked.owner, asked.kind, { identity, formats: asked.formats }),
    identity,
    input,
    inputBytes: picture.length,
    model: model.name,
    createdAt: Date.now(),
    state: 'queued',
    deaths: 0,
  }
}

/** @throws ApiError when the model that is asked for is not the one that is served. */
export function checkModel(name: string | undefined, { model }: Service): void {
  if (name === undefined || name === model.name) return
  throw new ApiError(404, 'model_not_found', `model: there is no such model; ${model.name} is served`, 'model')
}

/** The job that a request names; those of other tokens are as if they were not there. */
export function jobFor(c: Context<Env>, { queue }: Service, kind: Job['kind']): Job {
  const job = queue.store.get(c.req.param('id') ?? '')
  if (!job || job.kind !== kind || job.owner !== c.get('owner')) throw notFound(kind)
  return job
}

/**
 * Answers with the file of a clip.
 *
 * @throws ApiError when it is not made, or not in this format.
 */
export async function sendClip(c: Context<Env>, job: Job, { queue }: Service, asked?: ClipFormat): Promise<Response> {
  if (job.state !== 'completed') {
    const code = isOver(job) ? 'not_available' : 'not_ready'
    throw new ApiError(409, code, `the clip is ${job.state}; ask again when it is completed`)
  }
  const format = asked ?? job.formats[0]!
  if (!job.formats.includes(format)) {
    throw new ApiError(
      404,
      'format_not_made',
      `format: it was made as ${job.formats.join(', ')}; ask for ${format} when you create it`,
      'format',
    )
  }
  const tag = `"${job.identity.slice(0, 32)}-${format}"`
  if (c.req.header('if-none-match') === tag) return c.body(null, 304)
  const file = await queue.files.readClip(job.identity, format)
  if (!file) throw new ApiError(410, 'gone', 'the file of the clip has been removed; create it again')
  // Of HEAD nobody reads the body, which would stay open.
  if (c.req.method === 'HEAD') await file.body.cancel()
  return c.body(file.body, 200, {
    'Content-Type': TYPES[format],
    'Content-Length': `${file.size}`,
    'Content-Disposition': `attachment; filename="${job.id}.${format}"`,
    ETag: tag,
  })
}

/** A job in the form of OpenAI's `Video`. */
function videoOf(job: Job, { queue }: Service): z.output<typeof videoSchema> {
  const { frames, fps, width, height, seed, steps, motion, loop } = job.settings
  const percent = job.state === 'completed' ? 100 : (queue.progressOf(job.id)?.percent ?? 0)
  return {
    id: job.id,
    object: 'video' as const,
    model: job.model,
    status: job.state === 'canceled' ? ('failed' as const) : job.state,
    progress: percent,
    created_at: Math.floor(job.createdAt / 1000),
    completed_at: job.state === 'completed' ? Math.floor(job.completedAt! / 1000) : null,
    expires_at: null,
    error: job.error ?? null,
    prompt: job.prompt,
    remixed_from_video_id: null,
    seconds: `${frames / fps}`,
    size: `${width}x${height}`,
    frames,
    seed,
    steps,
    motion: motion ?? null,
    fps,
    loop,
    formats: [...job.formats],
  }
}

/** The fields of a request, of JSON or of a form; files stay apart. */
async function bodyOf(c: Context<Env>): Promise<Record<string, unknown>> {
  const type = c.req.header('content-type') ?? ''
  try {
    if (/^application\/json\b/i.test(type)) return await c.req.json<Record<string, unknown>>()
    if (/^multipart\/form-data\b/i.test(type)) {
      const fields = Object.entries(await c.req.parseBody()).filter(([name, value]) => !isPicture(name, value))
      return Object.fromEntries(fields.map(([name, value]) => [name.replace(/\[image_url\]$/, ''), value]))
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw new ApiError(400, 'invalid_body', 'the body is cut short or damaged; send it again')
  }
  throw new ApiError(415, 'unsupported_media_type', 'send multipart/form-data or application/json')
}

function isPicture(name: string, value: unknown): boolean {
  return name === 'input_reference' && value instanceof Blob
}

/** The picture of a form, else what the field says. */
async function fileOf(c: Context<Env>, field: unknown): Promise<unknown> {
  if (!/^multipart/i.test(c.req.header('content-type') ?? '')) return field
  return field ?? (await c.req.parseBody())['input_reference']
}
