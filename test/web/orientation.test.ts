import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectedView, FORMATS, orientedFile, viewOf } from '../support/oriented.js'
import { harnessFiles } from './support/bundle.js'
import { chromiumPath, launch, without } from './support/chromium.js'
import type { Harness } from './support/harness.js'
import { Site } from './support/site.js'

declare const sfv: Harness

describe.skipIf(chromiumPath === undefined)(`pictures in Chromium${without}`, { timeout: 120_000 }, () => {
  let site: Site
  let browser: Browser

  beforeAll(async () => {
    site = await Site.open({ files: new Map<string, string | Uint8Array>(await harnessFiles()) })
    browser = await launch()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it('are turned upright whatever their orientation and format; TIFF is refused by name', async () => {
    const page = await (await browser.newContext()).newPage()
    await page.goto(site.url)
    await page.waitForFunction(() => 'sfv' in globalThis)
    const read = (bytes: number[]) =>
      page.evaluate(async (values) => {
        try {
          const { width, height, data } = await sfv.readImage(new Blob([Uint8Array.from(values)]))
          return { width, height, data: [...data] }
        } catch (error) {
          return (error as Error).message
        }
      }, bytes)
    for (const format of FORMATS)
      for (let orientation = 1; orientation <= 8; orientation++) {
        const answer = await read([...(await orientedFile(format, orientation, 48, 32))])
        if (format === 'tiff') expect(answer).toMatch(/it is a TIFF picture; export it as PNG first/)
        else {
          if (typeof answer === 'string') throw new Error(`${format} ${orientation}: ${answer}`)
          expect([format, orientation, viewOf(answer)]).toEqual([
            format,
            orientation,
            expectedView(orientation, 48, 32),
          ])
        }
      }
  })
})
