import type { Browser, Page } from 'playwright-core'
import { manifestOf } from '../../../src/weights/manifest.node.js'
import { picture, TINY } from '../../pipeline/tiny.js'
import { harnessFiles } from './bundle.js'
import { launch } from './chromium.js'
import { ISOLATED, Site } from './site.js'

/** The picture that is animated, as a page can be sent it. */
export const input = { width: picture.width, height: picture.height, data: [...picture.data] }

/** A clip of the tiny model as small as it can be. */
export const settings = { frames: 2, width: 32, height: 32, seed: 3 }

/** A browser at a site with the library (as the global `sfv`), the tiny model and the files of ONNX Runtime. */
export class LibraryPage {
  private constructor(
    readonly site: Site,
    private readonly browser: Browser,
    readonly page: Page,
  ) {}

  /** Serves and opens it; with `gpu` the browser has a software adapter of WebGPU. */
  static async open({ gpu = false } = {}): Promise<LibraryPage> {
    const files = new Map<string, string | Uint8Array>(await harnessFiles())
    files.set('/model/manifest.json', JSON.stringify(await manifestOf(TINY)))
    const folders = { '/model/': TINY, '/ort/': 'node_modules/onnxruntime-web/dist' }
    const site = await Site.open({ files, folders, headers: ISOLATED })
    const browser = await launch({ gpu })
    return new LibraryPage(site, browser, await freshPage(browser, site))
  }

  /** Another page that has the library, with a storage of its own. */
  newPage(): Promise<Page> {
    return freshPage(this.browser, this.site)
  }

  /** Ends the browser and the site. */
  async close(): Promise<void> {
    await this.browser.close()
    await this.site.close()
  }
}

async function freshPage(browser: Browser, site: Site): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(site.url)
  await page.waitForFunction(() => 'sfv' in globalThis)
  return page
}
