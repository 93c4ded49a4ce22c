import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import type { Env } from './context.js'

/**
 * The built studio at `/`. Its page brings its own policy; threads of WebAssembly want it isolated from other sites.
 *
 * @param folder where `npm run build` has put it
 */
export function studioFiles(folder: string): Hono<Env> {
  const app = new Hono<Env>()
  app.use('*', async (c, next) => {
    await next()
    c.res.headers.set('Cross-Origin-Opener-Policy', 'same-origin')
    c.res.headers.set('Cross-Origin-Embedder-Policy', 'require-corp')
  })
  app.get('*', serveStatic({ root: folder }))
  return app
}
