import { unzipSync } from 'fflate'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, without } from './support/chromium.js'
import type { Harness } from './support/harness.js'
import { input, LibraryPage, settings } from './support/library-page.js'

declare const sfv: Harness

describe.skipIf(chromiumPath === undefined)(`workers of sfv/web in Chromium${without}`, { timeout: 120_000 }, () => {
  let library: LibraryPage
  let page: Page

  beforeAll(async () => {
    library = await LibraryPage.open()
    page = library.page
  }, 120_000)

  afterAll(() => library?.close())

  it('keeps the order of calls, and the opacity of pictures', async () => {
    const order = await page.evaluate(
      async ([{ data, ...size }, asked]) => {
        const model = await sfv.ImageToVideo.fromPretrained('model', { runtime: 'ort/' })
        const canvas = new OffscreenCanvas(1024, 1024)
        canvas.getContext('2d')!.fillRect(0, 0, 512, 512)
        const slow = await canvas.convertToBlob()
        const order: string[] = []
        await Promise.all([
          model.animate(slow, asked).then(() => order.push('slow')),
          model.animate({ ...size, data: Uint8Array.from(data) }, asked).then(() => order.push('fast')),
        ])
        model.dispose()
        const { alpha } = await sfv.readImage(slow)
        return [...order, alpha?.[0], alpha?.at(-1)]
      },
      [input, settings] as const,
    )
    expect(order).toEqual(['slow', 'fast', 255, 0])
  })

  it('rejects what a worker that failed was asked for, and starts another one for what comes next', async () => {
    const fresh = await library.newPage()
    const save = () =>
      fresh.evaluate(async () => {
        const data = new Uint8Array(2 * 8 * 8 * 3)
        const clip = new sfv.Clip({ frames: { width: 8, height: 8, count: 2, data }, fps: 7, metadata: {} })
        return clip.toBuffer('gif').then(
          (bytes) => bytes.length > 0,
          (error: Error) => `${error.name}: ${error.message}`,
        )
      })
    const broken = () => new TextEncoder().encode("throw new Error('broken')")
    for (let i = 0; i < 2; i++) {
      library.site.spoiled.set('/media-worker.js', broken)
      expect(await save()).toMatch(/^UserError: the worker of sfv failed .*broken.*; reload the page/)
    }
    expect(await save()).toBe(true)
    await fresh.context().close()
  })

  it.each(['webp', 'apng', 'gif', 'png'] as const)('%s keeps the opacity of a clip', async (format) => {
    const first = await page.evaluate(async (format) => {
      const data = new Uint8Array(2 * 8 * 8 * 3).fill(255)
      const alpha = Uint8Array.from({ length: 2 * 8 * 8 }, (_, i) => (i % 8 < 4 ? 0 : 255))
      for (const [i, a] of alpha.entries()) if (a > 0) data.set([200, 0, 0], 3 * i)
      const frames = { width: 8, height: 8, count: 2, data }
      return [...(await new sfv.Clip({ frames, alpha, fps: 7, metadata: {} }).toBuffer(format))]
    }, format)
    const bytes = Uint8Array.from(first)
    const { data } = await sharp(format === 'png' ? unzipSync(bytes)['frame-00.png'] : bytes)
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect([data[3], data[4 * 7 + 3]]).toEqual([0, 255])
    expect(data[4 * 7]).toBeGreaterThan(180)
  })
})
