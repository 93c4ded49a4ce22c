import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build, createServer, type InlineConfig } from 'vite'
import { installPacked } from '../support/packed.js'
import { APP_ANSWER, APP_SOURCE, putModel, putOnnxRuntime, runApp } from '../support/web-app.js'
import { chromiumPath, launch, without } from '../web/support/chromium.js'
import { ISOLATED, Site } from '../web/support/site.js'

const MINUTES = 300_000
const root = fileURLToPath(new URL('../../', import.meta.url))

let folder: string
let installed: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-packed-'))
  await installPacked(folder)
  installed = join(folder, 'node_modules/sfv')
}, MINUTES)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const filesIn = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))

describe('the packed package', () => {
  it('holds of models, recipes and docs what is in the repository, and nothing that only lies there', () => {
    const folders = ['docs', 'models', 'recipes']
    const tracked = execFileSync('git', ['ls-files', ...folders], { cwd: root, encoding: 'utf8' })
      .trim()
      .split('\n')
    const packed = folders.flatMap((name) => filesIn(join(installed, name)))
    expect(packed.filter((path) => !tracked.includes(path))).toEqual([])
    // The first bundled model is kept for the tables that are of it.
    const meant = tracked.filter(
      (path) => /\.(md|json|safetensors)$/.test(path) && !path.startsWith('models/fluent-1/'),
    )
    expect(packed).toEqual(expect.arrayContaining(meant))
  })

  it('points to no source map', () => {
    const code = filesIn(installed).filter((path) => /\.(js|map)$/.test(path))
    expect(code.length).toBeGreaterThan(100)
    expect(code.filter((path) => path.endsWith('.map'))).toEqual([])
    expect(code.filter((path) => /^\/\/# sourceMappingURL/m.test(readFileSync(join(installed, path), 'utf8')))).toEqual(
      [],
    )
  })

  it('has the licences of what it was joined from', () => {
    const licences = readFileSync(join(installed, 'dist/web/LICENSES.txt'), 'utf8')
    for (const name of ['fflate', 'gifenc', 'mediabunny', 'zod']) expect(licences).toMatch(new RegExp(`^${name}$`, 'm'))
  })
})

describe.skipIf(chromiumPath === undefined)(`a Vite app with the packed library${without}`, () => {
  let browser: Browser
  let config: InlineConfig
  beforeAll(async () => {
    putOnnxRuntime(folder)
    await putModel(join(folder, 'public/model'))
    writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./main.js"></script>')
    writeFileSync(join(folder, 'main.js'), APP_SOURCE)
    writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}')
    const server = { headers: ISOLATED, host: '127.0.0.1' }
    config = { root: folder, configFile: false, logLevel: 'error', server }
    browser = await launch()
  }, MINUTES)
  afterAll(() => browser?.close())

  it(
    'builds, animates and exports twice, isolated',
    async () => {
      await build(config)
      const site = await Site.open({ folders: { '/': join(folder, 'dist') }, headers: ISOLATED })
      try {
        expect(await runApp(browser, site.url)).toEqual(APP_ANSWER)
      } finally {
        await site.close()
      }
    },
    MINUTES,
  )

  it(
    'does so from the development server',
    async () => {
      const server = await createServer({ ...config, optimizeDeps: { exclude: ['sfv', 'onnxruntime-web'] } })
      try {
        await server.listen()
        expect(await runApp(browser, server.resolvedUrls!.local[0]!)).toEqual(APP_ANSWER)
      } finally {
        await server.close()
      }
    },
    MINUTES,
  )
})
