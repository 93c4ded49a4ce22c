import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import sharp from 'sharp'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPacked } from '../support/packed.js'
import { putModel, putOnnxRuntime } from '../support/web-app.js'
import { chromiumPath, launch, without } from '../web/support/chromium.js'
import { ISOLATED, Site } from '../web/support/site.js'

const run = promisify(execFile)
const MINUTES = 300_000
/** What some examples want beside the package, as their READMEs say. */
const BESIDE = ['react', 'react-dom', 'scheduler']

/** A folder in which the package is installed, with the examples as they are in it. */
let app: string
beforeAll(async () => {
  app = mkdtempSync(join(tmpdir(), 'sfv-examples-'))
  writeFileSync(join(app, 'package.json'), '{"private": true}')
  await installPacked(app)
  cpSync(join(app, 'node_modules/sfv/examples'), join(app, 'examples'), { recursive: true })
  for (const name of BESIDE) symlinkSync(resolve('node_modules', name), join(app, 'node_modules', name))
  putOnnxRuntime(app)
}, MINUTES)
afterAll(() => rmSync(app, { recursive: true, force: true }))

const node = (folder: string, ...args: string[]) => run(process.execPath, args, { cwd: join(app, 'examples', folder) })

describe('the examples', { timeout: MINUTES }, () => {
  it('each say in a few lines what they are', () => {
    const folders = readdirSync('examples', { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const { name } of folders.filter(({ name }) => name !== 'serve')) {
      const lines = readFileSync(join('examples', name, 'README.md'), 'utf8')
        .trimEnd()
        .split('\n')
      expect(lines.length, name).toBeLessThanOrEqual(10)
      for (const file of readdirSync(join('examples', name)).filter((file) => /\.(mjs|cjs|js|jsx)$/.test(file)))
        expect(readFileSync(join('examples', name, file), 'utf8').split('\n').length, file).toBeLessThanOrEqual(80)
    }
  })

  it('animate a picture from an ES module and from CommonJS', async () => {
    await node('animate-node', 'animate.mjs', '../gift.png', 'gift.webp')
    await node('animate-node', 'animate.cjs', '../gift.png', 'gift.gif')
    for (const file of ['gift.webp', 'gift.gif'])
      expect(await sharp(join(app, 'examples/animate-node', file)).metadata()).toMatchObject({ width: 128, pages: 14 })
  })

  it('train by an objective of their own', async () => {
    const { stdout } = await node('custom-objective', 'train.mjs', '40')
    const losses = [...stdout.matchAll(/loss (\S+)/g)].map(([, loss]) => Number(loss))
    expect(losses).toHaveLength(2)
    expect(losses[1]).toBeLessThan(0.9 * losses[0]!)
  })

  it('make a model of clips', async () => {
    cpSync('test/fixtures/clips', join(app, 'examples/own-data/clips'), { recursive: true })
    const { stdout } = await node('own-data', 'own-data.mjs', 'clips', '../balloon.png', '2')
    expect(stdout).toMatch(/wrote mine\.webp$/m)
    expect(await sharp(join(app, 'examples/own-data/mine.webp')).metadata()).toMatchObject({ width: 128, pages: 14 })
  })

  it('answer an upload with a clip, and a bad picture with its reason', async () => {
    const env = { ...process.env, PORT: '0' }
    const server = spawn(process.execPath, ['server.mjs'], { cwd: join(app, 'examples/server'), env })
    try {
      const [address] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
      const send = (bytes: Uint8Array<ArrayBuffer>) => {
        const body = new FormData()
        body.set('picture', new Blob([bytes]), 'picture.png')
        return fetch(new URL('/clips', address), { method: 'POST', body })
      }
      const clip = await send(new Uint8Array(readFileSync('examples/balloon.png')))
      expect(await sharp(Buffer.from(await clip.arrayBuffer())).metadata()).toMatchObject({ format: 'webp', pages: 14 })
      const refused = await send(new TextEncoder().encode('no picture'))
      expect(refused.status).toBe(400)
      expect(await refused.text()).toMatch(/picture/)
    } finally {
      server.kill()
    }
  })

  describe.skipIf(chromiumPath === undefined)(`in a browser${without}`, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await launch()
    }, MINUTES)
    afterAll(() => browser?.close())

    /** Builds an example with a small model beside it, and opens it. */
    async function opened(name: string, use: (page: Awaited<ReturnType<Browser['newPage']>>) => Promise<void>) {
      const folder = join(app, 'examples', name)
      await putModel(join(folder, 'public/model'))
      cpSync('examples/balloon.png', join(folder, 'public/balloon.png'))
      await build({ root: folder, logLevel: 'error' })
      const site = await Site.open({ folders: { '/': join(folder, 'dist') }, headers: ISOLATED })
      const page = await browser.newPage()
      try {
        await page.goto(site.url)
        await use(page)
      } finally {
        await page.close()
        await site.close()
      }
    }

    it('show the clip of the picture that one chooses', () =>
      opened('animate-web', async (page) => {
        await page.setInputFiles('input', 'examples/balloon.png')
        await page.waitForFunction(() => (document.querySelector('img')?.naturalWidth ?? 0) > 0, undefined, {
          timeout: MINUTES,
        })
        expect(await page.textContent('[role=status]')).toBe('')
      }))

    it('show it as a component of React', () =>
      opened('react', async (page) => {
        await page.waitForSelector('img[data-moving=true]', { timeout: MINUTES })
        expect(await page.getAttribute('img', 'src')).toMatch(/^blob:/)
      }))
  })
})
