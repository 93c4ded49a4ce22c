import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import type { Browser, Page } from 'playwright-core'
import { chromiumPath, launch } from '../test/web/support/chromium.js'
import { ISOLATED, Site } from '../test/web/support/site.js'
import { median, type BenchResult, type Row } from './measure.js'
import { cpuOfChildren } from './processes.js'

const SITE = 'dist-studio'
const CLICKS = 8
const VISITS = 3
/** The line of a visitor: 4 Mbit/s down, 40 ms away. */
const LINE = { offline: false, latency: 40, downloadThroughput: 4e6 / 8, uploadThroughput: 1e6 / 8 }
/** Seconds over which a page that plays, and one in the background, are watched. */
const WATCHED = 10
const PATIENCE = { timeout: 300_000 }

/**
 * The built studio in headless Chromium on WebAssembly, against the bars that it is held to: the first visit on a slow line, the
 * click on an example until its four clips are there, and what it costs to play and to lie in the background.
 */
export async function studio(): Promise<BenchResult> {
  const title = 'The studio: first visit, four clips, playing; WebAssembly in headless Chromium'
  if (!existsSync(SITE)) return { title, rows: [], notes: ['Skipped: not built; run `npm run build` first.'] }
  if (!chromiumPath) return { title, rows: [], notes: ['Skipped: there is no Chromium on this machine.'] }
  const site = await Site.open({ folders: { '/': SITE }, headers: ISOLATED })
  const browser = await launch()
  try {
    const rows = [...(await firstVisit(browser, site)), ...(await atWork(browser, site.url))]
    const load = `Load average of the machine when it was measured: ${loadavg()[0]!.toFixed(1)}.`
    return { title, rows, notes: [`${load} Processor seconds depend on it little.`] }
  } finally {
    await browser.close()
    await site.close()
  }
}

function row(what: string, measured: number, bar: string, unit: string, digits = 2): Row {
  return { what, measured: `${measured.toFixed(digits)} ${unit}`, bar }
}

async function firstVisit(browser: Browser, site: Site): Promise<Row[]> {
  const [paints, usable]: [number[], number[]] = [[], []]
  for (let visit = 0; visit < VISITS; visit++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const page = await context.newPage()
    const line = await context.newCDPSession(page)
    await line.send('Network.enable')
    await line.send('Network.emulateNetworkConditions', LINE)
    await page.goto(site.url, { waitUntil: 'commit' })
    await page.locator('.drop button').waitFor(PATIENCE)
    usable.push(await page.evaluate(() => performance.now() / 1000))
    const paint = () => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime)
    let painted = await paint()
    while (painted === undefined) painted = await paint()
    paints.push(painted / 1000)
    await context.close()
  }
  // The line holds for the page alone, not for its workers: what the site sends is counted, and divided by the line's rate.
  const fresh = await browser.newContext()
  const page = await fresh.newPage()
  const before = site.sent
  await page.goto(site.url)
  await page.locator('.download', { hasText: /Ready,/ }).waitFor(PATIENCE)
  const bytes = site.sent - before
  await fresh.close()
  return [
    row('first paint, 4 Mbit/s', median(paints), 'under 1 s', 's'),
    row('controls usable, 4 Mbit/s', median(usable), 'under 3 s', 's'),
    row('first download until a clip can be made', bytes / 1e6, 'under 20 MB', 'MB'),
    row('the same at 4 Mbit/s', bytes / LINE.downloadThroughput, '-', 's', 0),
  ]
}

async function atWork(browser: Browser, url: string): Promise<Row[]> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.addInitScript(() => {
    const longTasks: number[] = []
    Object.assign(globalThis, { longTasks })
    const take = (list: PerformanceObserverEntryList) =>
      longTasks.push(...list.getEntries().map((each) => each.duration))
    new PerformanceObserver(take).observe({ type: 'longtask' })
  })
  await page.goto(url)
  await page.locator('[data-example=balloon]').click()
  await page.locator('.try:not(.empty)').nth(3).waitFor(PATIENCE)
  await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks.splice(0))
  const before = cpuOfChildren()
  const seconds: number[] = []
  for (let click = 1; click <= CLICKS; click++) seconds.push(await clipsAfterClick(page, click))
  const cpu = (cpuOfChildren() - before) / CLICKS
  const longTasks = await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks)
  const playing = await shareOfCore(page)
  // Another page in front hides this one; without a window Chromium does not say so by itself.
  const other = await context.newPage()
  await other.bringToFront()
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  const hidden = await shareOfCore(other)
  return [
    row('click to four clips, median', median(seconds), 'under 3 s', 's'),
    row('click to four clips, slowest', Math.max(...seconds), '-', 's'),
    row('processor seconds of four clips and what is around them', cpu, '-', 's'),
    row('longest task of the main thread', Math.max(0, ...longTasks), 'under 50 ms (0: none was as long)', 'ms', 0),
    row('a core, while playing', 100 * playing, 'under 5 %', '%', 1),
    row('a core, in the background', 100 * hidden, 'nothing runs', '%', 1),
  ]
}

/** Seconds from a click on an example of the shelf until its four clips are drawn. */
function clipsAfterClick(page: Page, index: number): Promise<number> {
  return page.evaluate(
    (index) =>
      new Promise<number>((resolve) => {
        const started = performance.now()
        // They are all empty first.
        let wasEmptied = false
        new MutationObserver((_, observer) => {
          const empty = document.querySelectorAll('.try.empty').length
          wasEmptied ||= empty === 4
          if (!wasEmptied || empty > 0) return
          observer.disconnect()
          requestAnimationFrame(() => resolve((performance.now() - started) / 1000))
        }).observe(document.querySelector('.tries')!, { subtree: true, attributes: true })
        document.querySelectorAll<HTMLButtonElement>('.shelf button')[index]!.click()
      }),
    index,
  )
}

/** How much of a core the browser takes, once what is made ahead is made. */
async function shareOfCore(page: Page): Promise<number> {
  await page.waitForTimeout(4000)
  const before = cpuOfChildren()
  await page.waitForTimeout(1000 * WATCHED)
  return (cpuOfChildren() - before) / WATCHED
}
