import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPacked } from '../support/packed.js'

const run = promisify(execFile)
const MINUTES = 300_000
const PICTURE = resolve('examples/balloon.png')

/** An app outside the clone that has the package as npm packs it. */
let app: string
beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), 'sfv-app-'))
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  await installPacked(app)
}, MINUTES)
afterAll(() => rm(app, { recursive: true, force: true }))

describe('an app that has installed the package', { timeout: MINUTES }, () => {
  it("runs the README's script, and then ends by itself", async () => {
    const text = await readFile('README.md', 'utf8')
    const script = /^ {4}import \{ ImageToVideo \} from 'sfv'\n[^]*?clip\.save[^\n]*$/m.exec(text)![0]
    await copyFile(PICTURE, join(app, 'cat.png'))
    await writeFile(join(app, 'readme.js'), script)
    await run(process.execPath, ['readme.js'], { cwd: app })
    expect(await sharp(join(app, 'cat.webp')).metadata()).toMatchObject({ format: 'webp', width: 128, pages: 14 })
  })

  it.skipIf(process.platform !== 'linux')('serves four requests at once while its event loop goes on', async () => {
    await copyFile('test/repo/server.mjs.txt', join(app, 'server.mjs'))
    const { stdout } = await run(process.execPath, ['server.mjs', PICTURE], { cwd: app })
    const { order, clips, longest, after } = JSON.parse(stdout) as Record<string, unknown>
    expect([order, after]).toEqual([[1, 2, 3, 4], 'AbortError'])
    expect(clips).toEqual([1, 2, 3, 4].map(() => expect.any(Number) as number))
    expect(longest).toBeLessThan(50)
  })
})
