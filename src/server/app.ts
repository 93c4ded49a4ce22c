import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { UserError } from '../errors.js'
import { ApiError } from './api-error.js'
import { apiPage, PAGE_POLICY } from './api-page.js'
import type { Env, Service } from './context.js'
import { eventRoutes } from './events.js'
import { openApiDocument } from './openapi.js'
import { predictionRoutes } from './predictions.js'
import { studioFiles } from './studio-files.js'
import { videoRoutes } from './videos.js'

/** What answers without a token. */
const OPEN = new Set(['/healthz', '/readyz', '/openapi.json', '/docs'])

/** Names of the machine itself, which a page of another site cannot have. */
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i

/**
 * The whole API over a queue; it opens no port.
 *
 * @param studio the folder of the built studio, if it shall be served
 */
export function createApp(service: Service, studio?: string): Hono<Env> {
  const { queue, tokens, origins, limits, metrics, model } = service
  const app = new Hono<Env>()
  app.onError((error, c) => {
    const answer = asApiError(error)
    return c.json(answer.body, answer.status, { ...answer.headers })
  })
  app.notFound((c) => c.json(new ApiError(404, 'not_found', 'there is no such address; see /docs').body, 404))
  app.use(async (c, next) => {
    await next()
    c.res.headers.set('X-Content-Type-Options', 'nosniff')
    c.res.headers.set('Referrer-Policy', 'no-referrer')
  })
  if (origins.length > 0) app.use('/v1/*', cors({ origin: [...origins], exposeHeaders: ['Retry-After'] }))
  app.use(async (c, next) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host
    // Without tokens, whoever reaches the port may use it: a page of another site must not, by its own name or another.
    if (!tokens.areNeeded && !LOCAL.test(host))
      throw new ApiError(403, 'wrong_host', 'the server is reached by a name that is not its own; use localhost')
    const origin = c.req.header('origin')
    if (origin !== undefined && !origins.includes(origin) && !isOf(host, origin))
      throw new ApiError(
        403,
        'wrong_origin',
        'pages of other sites may not call this server (operators: --allow-origin)',
      )
    await next()
  })
  app.use(async (c, next) => {
    const { path } = c.req
    const needs = tokens.areNeeded && !OPEN.has(path) && (path.startsWith('/v1/') || path === '/metrics')
    const owner = needs ? tokens.nameOf(c.req.header('authorization')) : 'local'
    if (owner === undefined) {
      const message = 'the token is missing or unknown; send it as Authorization: Bearer TOKEN'
      throw new ApiError(401, 'invalid_api_key', message, null, { 'WWW-Authenticate': 'Bearer' })
    }
    c.set('owner', owner)
    await next()
  })
  app.use(
    '/v1/*',
    bodyLimit({
      maxSize: limits.bytes,
      onError: () => {
        const message = `the body has more than ${limits.bytes} bytes; send a smaller picture`
        // The rest of the body is not read, so the connection cannot serve another request.
        throw new ApiError(413, 'too_large', message, null, { Connection: 'close' })
      },
    }),
  )
  app.route('/v1/videos', videoRoutes(service))
  app.route('/v1/videos', eventRoutes(service))
  app.route('/v1', predictionRoutes(service))
  app.get('/v1/models', (c) =>
    c.json({ object: 'list', data: [{ id: model.name, object: 'model', created: model.created, owned_by: 'sfv' }] }),
  )
  app.get('/healthz', (c) => c.text('ok\n'))
  app.get('/readyz', (c) => (queue.isReady() ? c.text('ready\n') : c.text('not ready\n', 503)))
  app.get('/metrics', async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType }),
  )
  app.get('/openapi.json', (c) => c.json(openApiDocument()))
  app.get('/docs', (c) => c.html(apiPage(), 200, { 'Content-Security-Policy': PAGE_POLICY }))
  if (studio === undefined) app.get('/', (c) => c.redirect('/docs'))
  else app.route('/', studioFiles(studio))
  return app
}

function isOf(host: string, origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}

function asApiError(error: Error): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof UserError) return new ApiError(500, 'server_error', error.message)
  process.stderr.write(`sfv: ${error.stack ?? error.message}\n`)
  return new ApiError(500, 'server_error', 'the server has made a mistake; its log tells more')
}
