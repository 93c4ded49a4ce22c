import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectedView, FORMATS, orientedFile, viewOf } from '../support/oriented.js'
import { chromiumPath, without } from './support/chromium.js'
import type { Harness } from './support/harness.js'
import { LibraryPage } from './support/library-page.js'

declare const sfv: Harness

describe.skipIf(chromiumPath === undefined)(`pictures in Chromium${without}`, { timeout: 120_000 }, () => {
  let library: LibraryPage

  beforeAll(async () => void (library = await LibraryPage.open()), 120_000)
  afterAll(() => library?.close())

  it('are turned upright whatever their orientation and format; TIFF is refused by name', async () => {
    const read = (bytes: number[]) =>
      library.page.evaluate(async (values) => {
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
