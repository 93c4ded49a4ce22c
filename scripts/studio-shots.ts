import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launch } from '../test/web/support/chromium.js'
import { ISOLATED, Site } from '../test/web/support/site.js'

const SCREENS = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
] as const
const PATIENCE = { timeout: 300_000 }

/** Pictures of each view of the built studio, at three widths in both schemes, to be looked at: `npm run shots`. */
async function main(): Promise<void> {
  const out = process.argv[2] ?? 'runs/shots'
  await mkdir(out, { recursive: true })
  const site = await Site.open({ folders: { '/': 'dist-studio/' }, headers: ISOLATED })
  const browser = await launch()
  try {
    for (const viewport of SCREENS)
      for (const colorScheme of ['light', 'dark'] as const) await shoot(browser, site.url, out, viewport, colorScheme)
  } finally {
    await browser.close()
    await site.close()
  }
}

async function shoot(
  browser: Browser,
  url: string,
  out: string,
  viewport: (typeof SCREENS)[number],
  colorScheme: 'light' | 'dark',
): Promise<void> {
  const isPhone = viewport.width < 500
  const context = await browser.newContext({ viewport, colorScheme, hasTouch: isPhone })
  const page = await context.newPage()
  const shot = (name: string) =>
    page.screenshot({ path: join(out, `${name}-${viewport.width}-${colorScheme}.png`), fullPage: isPhone })
  await page.goto(url)
  await page.locator('.download', { hasText: /Ready,/ }).waitFor(PATIENCE)
  await shot('front')
  await page.locator('[data-example=balloon]').click()
  await page.locator('.try:not(.empty)').nth(3).waitFor(PATIENCE)
  await page.locator('.size', { hasText: 'KB' }).waitFor(PATIENCE)
  await shot('make')
  await page.locator('.steer .segmented label', { hasText: 'Pull' }).click()
  await page.locator('.tool:not([hidden]) button', { hasText: 'Add a pin' }).click()
  await page.locator('.sketch:visible').waitFor(PATIENCE)
  await shot('pull')
  await page.locator('.tries:not(.old) .try:not(.empty)').nth(3).waitFor(PATIENCE)
  await page.locator('.steer .segmented label', { hasText: 'Brush' }).click()
  await page.locator('.brush canvas').focus()
  for (const key of [' ', 'ArrowRight', 'ArrowRight', 'ArrowRight', ' ']) await page.keyboard.press(key)
  await page.locator('.settings summary').click()
  await page.locator('.several summary').click()
  await shot('brush-details')
  await page.keyboard.press('Control+z')
  await page.locator('.steer .segmented label', { hasText: 'Watch' }).click()
  await page.locator('.top label', { hasText: 'Draw' }).click()
  await shot('draw')
  await page.locator('.top label', { hasText: 'Compare' }).click()
  await shot('compare')
  await context.close()
}

await main()
