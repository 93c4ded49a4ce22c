import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { ImageToVideo } from '../src/pipeline/pretrained.node.js'
import { chromiumPath, launch } from '../test/web/support/chromium.js'
import { ISOLATED, Site } from '../test/web/support/site.js'
import { median, type BenchResult } from './measure.js'

const SITE = 'dist-studio'
const CLICKS = 8

/**
 * The built studio in headless Chromium on WebAssembly: from the click on an example until its four clips play.
 * Bars: median under 3 s on two cores, the main thread never held for over 50 ms.
 */
export async function studio(): Promise<BenchResult> {
  const title = 'The studio: from click to four clips, WebAssembly in headless Chromium'
  if (!existsSync(SITE)) return { title, rows: [], notes: ['Skipped: not built; run `npm run build` first.'] }
  if (!chromiumPath) return { title, rows: [], notes: ['Skipped: there is no Chromium on this machine.'] }
  const browser = await inBrowser()
  const node = await inNode()
  const row = (name: string, seconds: readonly number[], cpu: number, longest: string) => ({
    where: name,
    'median s': median(seconds).toFixed(2),
    'fastest s': Math.min(...seconds).toFixed(2),
    'slowest s': Math.max(...seconds).toFixed(2),
    'processor s': cpu.toFixed(2),
    'longest task of the main thread, ms': longest,
  })
  const longest = browser.longest === 0 ? 'under 50' : browser.longest.toFixed(0)
  return {
    title,
    rows: [
      row('Chromium, two threads, four clips', browser.seconds, browser.cpu, longest),
      row('Node, one clip', node.seconds, node.cpu, '-'),
    ],
    notes: [
      'Networks open, another picture each time. Bars: median under 3 s, no task over 50 ms.',
      `Load average of the machine when it was measured: ${loadavg()[0]!.toFixed(1)}; processor seconds do not depend on it.`,
    ],
  }
}

async function inBrowser(): Promise<{ seconds: number[]; cpu: number; longest: number }> {
  const site = await Site.open({ folders: { '/': SITE }, headers: ISOLATED })
  const browser = await launch()
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.addInitScript(() => {
      const longTasks: number[] = []
      Object.assign(globalThis, { longTasks })
      new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: 'longtask',
      })
    })
    await page.goto(site.url)
    await page.locator('[data-example=balloon]').click()
    await page.locator('.try:not(.empty)').nth(3).waitFor({ timeout: 300_000 })
    await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks.splice(0))
    const before = browserCpu()
    const seconds = []
    for (let click = 1; click <= CLICKS; click++) {
      seconds.push(
        await page.evaluate(
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
          click,
        ),
      )
    }
    const cpu = (browserCpu() - before) / CLICKS
    const longTasks = await page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks)
    return { seconds, cpu, longest: Math.max(0, ...longTasks) }
  } finally {
    await browser.close()
    await site.close()
  }
}

async function inNode(): Promise<{ seconds: number[]; cpu: number }> {
  const sfv = await ImageToVideo.fromPretrained('models/fluent')
  await sfv.animate('examples/balloon.png', { seed: 0 })
  const seconds = []
  const before = process.cpuUsage()
  for (let seed = 1; seed <= CLICKS; seed++) {
    const started = performance.now()
    await sfv.animate('examples/balloon.png', { seed })
    seconds.push((performance.now() - started) / 1000)
  }
  const { user, system } = process.cpuUsage(before)
  await sfv.dispose()
  return { seconds, cpu: (user + system) / 1e6 / CLICKS }
}

/** Processor seconds of all that this process started, so far; as `ps` counts them. */
function browserCpu(): number {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,cputimes='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number])
  const family = new Set([process.pid])
  for (let grew = true; grew;) {
    const size = family.size
    for (const [pid, parent] of rows) if (family.has(parent)) family.add(pid)
    grew = family.size > size
  }
  return rows.reduce((sum, [pid, , cpu]) => sum + (pid !== process.pid && family.has(pid) ? cpu : 0), 0)
}
