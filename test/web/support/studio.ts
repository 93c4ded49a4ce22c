import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { build } from 'vite'
import { TINY } from '../../pipeline/tiny.js'
import { launch } from './chromium.js'
import { Site } from './site.js'

/** How long a clip of the tiny model may take on a busy machine. */
export const PATIENCE = { timeout: 90_000 }

/** The studio, built with the tiny model and served by a host that sets no header of its own, not at its root. */
export class Studio {
  /** Addresses that the page asked for, of any host. */
  readonly asked: string[] = []
  /** What the console or an uncaught error said. */
  readonly complaints: string[] = []

  private constructor(
    /** The folder that was built. */
    readonly folder: string,
    readonly site: Site,
    private readonly browser: Browser,
    readonly context: BrowserContext,
    /** The studio at 1440x900, once its first clip is made. */
    readonly page: Page,
  ) {
    page.on('request', (request) => this.asked.push(request.url()))
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()))
  }

  /** Builds, serves and opens it. */
  static async open(): Promise<Studio> {
    const folder = await mkdtemp(join(tmpdir(), 'sfv-studio-'))
    // Vite builds for users only where the environment says so.
    process.env['NODE_ENV'] = 'production'
    process.env['SFV_MODEL'] = TINY
    process.env['SFV_STUDIO_OUT'] = folder
    await build({ root: 'web', logLevel: 'error', build: { minify: true } })
    const site = await Site.open({ folders: { '/some/folder/': folder } })
    const browser = await launch()
    const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1440, height: 900 } })
    const studio = new Studio(folder, site, browser, context, await context.newPage())
    await studio.page.goto(studio.address)
    await studio.made('.animate')
    return studio
  }

  /** Where the studio is. */
  get address(): string {
    return `${this.site.url}some/folder/`
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    await this.browser.close()
    await this.site.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Waits until a view tells of a clip. */
  async made(view: '.animate' | '.edit', says = /\d forward/): Promise<void> {
    await this.page.locator(`${view} .status`, { hasText: says }).waitFor(PATIENCE)
  }

  /** Does something, and waits until the clip that it asked for is there. */
  async remade(view: '.animate' | '.edit', work: () => Promise<unknown>, says?: RegExp): Promise<void> {
    await this.page.locator(`${view} .status`).evaluate((status) => (status.textContent = ''))
    await work()
    await this.made(view, says)
    // What comes after looks at the last clip, not at one on the way to it.
    if (view === '.animate') await this.page.locator('.animate .stage:not(.busy)').waitFor(PATIENCE)
  }

  /** Opens a tab. */
  async show(tab: 'Animate' | 'Compare' | 'Edit'): Promise<void> {
    await this.page.locator('.top label', { hasText: tab }).click()
  }

  /** The pixels of a canvas, as a text that differs where they do. */
  pixels(canvas = '.animate .screen'): Promise<string> {
    return this.page
      .locator(canvas)
      .first()
      .evaluate((element: HTMLCanvasElement) => element.toDataURL())
  }

  /** Moves a slider to places one after the other, as a drag does. */
  async drag(slider: string, ...values: readonly number[]): Promise<void> {
    await this.page.locator(`input[aria-label="${slider}"]:visible`).evaluate((input: HTMLInputElement, values) => {
      for (const value of values) {
        input.value = String(value)
        input.dispatchEvent(new Event('input', { bubbles: true }))
      }
    }, values)
  }

  /** Drops or pastes a file onto the page. */
  async give(how: 'drop' | 'paste', name: string, type: string, bytes: Uint8Array): Promise<void> {
    await this.page.evaluate(
      ([how, name, type, bytes]) => {
        const data = new DataTransfer()
        data.items.add(new File([Uint8Array.from(bytes)], name, { type }))
        document.body.dispatchEvent(
          how === 'drop'
            ? new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data })
            : new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }),
        )
      },
      [how, name, type, [...bytes]] as const,
    )
  }
}
