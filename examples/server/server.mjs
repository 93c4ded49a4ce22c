// An upload form and a clip as the answer, with Hono: node server.mjs, then http://localhost:3000
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ImageToVideo } from 'sfv'

const sfv = await ImageToVideo.fromPretrained()
const app = new Hono()

app.get('/', (c) =>
  c.html(`<!doctype html><title>Move a picture</title>
<form action="/clips" method="post" enctype="multipart/form-data">
  <input type="file" name="picture" accept="image/*" required> <button>Move it</button>
</form>`),
)

app.post('/clips', bodyLimit({ maxSize: 16 * 1024 * 1024 }), async (c) => {
  const { picture } = await c.req.parseBody()
  if (!(picture instanceof File)) return c.text('send a file as the field picture', 400)
  try {
    // A visitor who leaves ends the work.
    const clip = await sfv.animate(picture, { signal: c.req.raw.signal })
    return c.body(await clip.toBuffer('webp'), 200, { 'content-type': 'image/webp' })
  } catch (error) {
    if (error.name === 'UserError') return c.text(error.message, 400)
    throw error
  }
})

const port = Number(process.env.PORT ?? 3000)
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, ({ port }) => console.log(`http://localhost:${port}`))
