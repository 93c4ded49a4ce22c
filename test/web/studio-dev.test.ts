import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'vite'
import { expect, it } from 'vitest'
import { TINY } from '../pipeline/tiny.js'
import { chromiumPath, launch, without } from './support/chromium.js'
import { PATIENCE } from './support/studio.js'

it.skipIf(chromiumPath === undefined)(
  `npm run studio, with nothing cached, makes and saves without loading the page again${without}`,
  { timeout: 240_000 },
  async () => {
    const cacheDir = await mkdtemp(join(tmpdir(), 'sfv-vite-'))
    process.env['SFV_MODEL'] = TINY
    const server = await createServer({
      root: 'web',
      cacheDir,
      logLevel: 'error',
      server: { host: '127.0.0.1', port: 0 },
    })
    const browser = await launch()
    try {
      await server.listen()
      const page = await browser.newPage({ acceptDownloads: true })
      await page.goto(server.resolvedUrls!.local[0]!)
      await page.evaluate(() => Object.assign(globalThis, { stays: true }))
      await page.locator('[data-example=balloon]').click({ timeout: 120_000 })
      await page.locator('.try:not(.empty)').nth(3).waitFor({ timeout: 180_000 })
      for (const purpose of ['Telegram emoji', 'Discord sticker', 'A post']) {
        await page.locator('.purposes[role=radiogroup] label', { hasText: purpose }).click()
        const download = page.waitForEvent('download', PATIENCE)
        await page.locator('.save .primary').click(PATIENCE)
        await download
      }
      expect(await page.evaluate(() => 'stays' in globalThis)).toBe(true)
    } finally {
      await browser.close()
      await server.close()
      await rm(cacheDir, { recursive: true, force: true })
    }
  },
)
