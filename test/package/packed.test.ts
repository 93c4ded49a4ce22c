import { execFile } from 'node:child_process'
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { build, createServer, type InlineConfig } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manifestOf } from '../../src/weights/manifest.node.js'
import { TINY } from '../pipeline/tiny.js'
import { chromiumPath, launch, without } from '../web/support/chromium.js'
import { ISOLATED, Site } from '../web/support/site.js'

const run = promisify(execFile)
const PICTURE = resolve('examples/balloon.png')

/** An app outside the clone that has installed the package as npm packs it. */
let app: string

beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'sfv-app-'))
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', app])
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  const packages = ['./sfv-0.1.0.tgz', 'onnxruntime-web@1.30']
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
    cwd: app,
  })
}, 300_000)

afterAll(() => rm(app, { recursive: true, force: true }))

describe('the packed package', { timeout: 300_000 }, () => {
  it('has the docs, and no source maps', async () => {
    const { stdout } = await run('tar', ['tzf', join(app, 'sfv-0.1.0.tgz')])
    expect(stdout).toContain('package/docs/web.md')
    expect(stdout).not.toMatch(/\.map$/m)
  })

  it("runs the README's script, and then ends by itself", async () => {
    const text = await readFile('README.md', 'utf8')
    const script = /^ {4}import \{ ImageToVideo \} from 'sfv'\n[^]*?clip\.save[^\n]*$/m.exec(text)![0]
    await copyFile(PICTURE, join(app, 'cat.png'))
    await writeFile(join(app, 'readme.js'), script)
    await run(process.execPath, ['readme.js'], { cwd: app })
    expect(await sharp(join(app, 'cat.webp')).metadata()).toMatchObject({ format: 'webp', width: 128, pages: 14 })
  })

  it.skipIf(process.platform !== 'linux')('serves four requests at once while the event loop goes on', async () => {
    await copyFile('test/package/server.mjs.txt', join(app, 'server.mjs'))
    const { stdout } = await run(process.execPath, ['server.mjs', PICTURE], { cwd: app })
    const { order, clips, longest, after } = JSON.parse(stdout) as Record<string, unknown>
    expect([order, after]).toEqual([[1, 2, 3, 4], 'AbortError'])
    expect(clips).toEqual([1, 2, 3, 4].map(() => expect.any(Number) as number))
    expect(longest).toBeLessThan(50)
  })
})

describe.skipIf(chromiumPath === undefined)(`a Vite app${without}`, { timeout: 300_000 }, () => {
  let config: InlineConfig

  beforeAll(async () => {
    const text = await readFile('docs/web.md', 'utf8')
    const settings = /export default (\{.*\})$/m.exec(text)![1]!
    await writeFile(join(app, 'index.html'), '<!doctype html><script type="module" src="/main.js"></script>')
    await writeFile(
      join(app, 'main.js'),
      `import { ImageToVideo } from 'sfv/web'
globalThis.go = async (picture) => {
  const sfv = await ImageToVideo.fromPretrained('/model')
  const files = []
  for (const format of ['gif', 'apng']) {
    const clip = await sfv.animate(picture, { seed: 7, frames: 2, width: 32, height: 32 })
    files.push((await clip.toFile({ format })).blob.type)
  }
  return files
}`,
    )
    await cp(TINY, join(app, 'public/model'), { recursive: true })
    await writeFile(join(app, 'public/model/manifest.json'), JSON.stringify(await manifestOf(TINY)))
    await copyFile(PICTURE, join(app, 'public/cat.png'))
    await writeFile(join(app, 'vite.config.js'), `export default ${settings}`)
    config = { root: app, configFile: join(app, 'vite.config.js'), logLevel: 'error' }
  })

  /** Animates and exports twice on the app's page. */
  async function animateTwice(url: string): Promise<unknown> {
    const browser = await launch()
    try {
      const page = await browser.newPage()
      await page.goto(url)
      await page.waitForFunction(() => 'go' in globalThis)
      return await page.evaluate(() =>
        (globalThis as unknown as { go(picture: string): Promise<string[]> }).go('/cat.png'),
      )
    } finally {
      await browser.close()
    }
  }

  it('that was built animates and exports twice', async () => {
    await build(config)
    const site = await Site.open({ folders: { '/': join(app, 'dist') }, headers: ISOLATED })
    try {
      expect(await animateTwice(site.url)).toEqual(['image/gif', 'image/apng'])
    } finally {
      await site.close()
    }
  })

  it('in development animates and exports twice', async () => {
    const server = await createServer({ ...config, server: { port: 0, host: '127.0.0.1' } })
    try {
      await server.listen()
      expect(await animateTwice(server.resolvedUrls!.local[0]!)).toEqual(['image/gif', 'image/apng'])
    } finally {
      await server.close()
    }
  })
})
