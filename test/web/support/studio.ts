import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { build } from 'vite'
import { TINY } from '../../pipeline/tiny.js'
import { launch } from './chromium.js'
import { Site } from './site.js'

/** How long a clip of the tiny model may take on a busy machine. */
export const PATIENCE = { timeout: 90_000 }

/** Puts the tiny model into a folder, with a student beside its UNet as the bundled model has one: of other weights. */
async function withStudent(folder: string): Promise<string> {
  await cp(TINY, folder, { recursive: true })
  await cp(join(TINY, 'unet'), join(folder, 'student'), { recursive: true })
  const weights = join(folder, 'student/diffusion_pytorch_model.safetensors')
  const bytes = await readFile(weights)
  bytes[bytes.length - 4]! ^= 1
  await writeFile(weights, bytes)
  const index = JSON.parse(await readFile(join(TINY, 'model_index.json'), 'utf8')) as Record<string, unknown>
  await writeFile(join(folder, 'model_index.json'), JSON.stringify({ ...index, student: index['unet'] }))
  return folder
}

/** Builds the studio with the tiny model, minified as for users, into a new folder. */
export async function buildStudio(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sfv-studio-'))
  // Vite builds for users only where the environment says so.
  process.env['NODE_ENV'] = 'production'
  const model = await withStudent(await mkdtemp(join(tmpdir(), 'sfv-tiny-')))
  process.env['SFV_MODEL'] = model
  process.env['SFV_STUDIO_OUT'] = folder
  await build({ root: 'web', logLevel: 'error', build: { minify: true } })
  await rm(model, { recursive: true, force: true })
  return folder
}

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
    readonly browser: Browser,
    readonly context: BrowserContext,
    /** The studio's front at 1440x900. */
    readonly page: Page,
  ) {
    page.on('request', (request) => this.asked.push(request.url()))
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()))
  }

  /** Builds, serves and opens it. */
  static async open(): Promise<Studio> {
    const folder = await buildStudio()
    const site = await Site.open({ folders: { '/some/folder/': folder } })
    const browser = await launch()
    const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1440, height: 900 } })
    const studio = new Studio(folder, site, browser, context, await context.newPage())
    await studio.page.goto(studio.address)
    await studio.ready()
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

  /** Waits until the model is there. */
  async ready(): Promise<void> {
    await this.page.locator('.download', { hasText: /Ready,/ }).waitFor({ state: 'attached', ...PATIENCE })
  }

  /** Waits until nothing is being made, and all four tries are there. */
  async made(): Promise<void> {
    await this.page.locator('.tries:not(.old) .try:not(.empty)').nth(3).waitFor(PATIENCE)
    await this.idle()
  }

  /** Waits until nothing runs. */
  async idle(): Promise<void> {
    await this.page.locator('.work.idle').waitFor({ state: 'attached', ...PATIENCE })
  }

  /** Does something that empties all four tries, and waits for the clips that come. */
  async anew(work: () => Promise<unknown>): Promise<void> {
    // A tiny model fills them again sooner than one may look.
    const emptied = await this.page.evaluateHandle(() => {
      const areEmpty = () => document.querySelectorAll('.try.empty').length === 4
      const state = { were: areEmpty() }
      const tries = document.querySelector('.tries')!
      new MutationObserver(() => (state.were ||= areEmpty())).observe(tries, { subtree: true, attributes: true })
      return state
    })
    await work()
    await this.page.waitForFunction((state) => state.were, emptied, PATIENCE)
    await this.made()
  }

  /** Takes an example from the front or the shelf, and waits for its clips. */
  async take(example: string): Promise<void> {
    const button = this.page.locator(`[data-example=${example}]:visible, .shelf button[title=${example}]:visible`)
    await this.anew(() => button.first().click())
  }

  /** Does something, and waits until the clips that it asked for are there. */
  async remade(work: () => Promise<unknown>): Promise<void> {
    const old = this.page.locator('.tries.old, .try.empty').first().waitFor(PATIENCE)
    await work()
    await old
    await this.made()
  }

  /** Opens a tab. */
  async show(tab: 'Make' | 'Draw' | 'Compare'): Promise<void> {
    await this.page.locator('.top label', { hasText: tab }).click()
  }

  /** The pixels of a canvas, as a text that differs where they do. */
  pixels(canvas = '.make .stage .screen'): Promise<string> {
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

  /** Drops or pastes files onto the page. */
  async give(how: 'drop' | 'paste', ...files: readonly (readonly [string, string, Uint8Array])[]): Promise<void> {
    await this.page.evaluate(
      ([how, files]) => {
        const data = new DataTransfer()
        for (const [name, type, bytes] of files) data.items.add(new File([Uint8Array.from(bytes)], name, { type }))
        document.body.dispatchEvent(
          how === 'drop'
            ? new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data })
            : new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }),
        )
      },
      [how, files.map(([name, type, bytes]) => [name, type, [...bytes]] as const)] as const,
    )
  }

  /** How many clips the browser's database holds. */
  stored(): Promise<number> {
    return this.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const open = indexedDB.open('sfv-studio')
          open.onsuccess = () => {
            const request = open.result.transaction('clips').objectStore('clips').count()
            request.onsuccess = () => {
              open.result.close()
              resolve(request.result)
            }
          }
        }),
    )
  }

  /** What the clip says of itself that was kept last. */
  lastKept(): Promise<Readonly<Record<string, string>>> {
    return this.page.evaluate(
      () =>
        new Promise((resolve) => {
          const open = indexedDB.open('sfv-studio')
          open.onsuccess = () => {
            const request = open.result.transaction('clips').objectStore('clips').getAll()
            request.onsuccess = () => {
              open.result.close()
              const rows = request.result as { when: number; clip: { metadata: Record<string, string> } }[]
              resolve(rows.sort((a, b) => b.when - a.when)[0]!.clip.metadata)
            }
          }
        }),
    )
  }

  /** Saves for a purpose, and gives the file's name and path. */
  async save(purpose: string): Promise<{ readonly name: string; readonly path: string }> {
    const { page } = this
    await page.locator('.purposes[role=radiogroup] label', { hasText: purpose }).click()
    const download = page.waitForEvent('download', PATIENCE)
    await page.locator('.save .primary').click()
    const file = await download
    return { name: file.suggestedFilename(), path: await file.path() }
  }
}
