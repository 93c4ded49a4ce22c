import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TINY } from '../pipeline/tiny.js'
import { chromiumPath, without } from './support/chromium.js'
import { Site } from './support/site.js'
import { PATIENCE, Studio } from './support/studio.js'

describe.skipIf(chromiumPath === undefined)(`the studio in Chromium${without}`, { timeout: 120_000 }, () => {
  let studio: Studio

  beforeAll(async () => {
    studio = await Studio.open()
    await studio.take('balloon')
  }, 180_000)
  afterAll(() => studio?.close())

  it('is under 1 MB before ONNX Runtime’s wasm and the weights', async () => {
    const { folder } = studio
    let bytes = 0
    for (const entry of await readdir(folder, { recursive: true })) {
      if (/^(ort|model)\b/.test(entry) || !(await stat(join(folder, entry))).isFile()) continue
      bytes += gzipSync(await readFile(join(folder, entry))).length
    }
    expect(bytes).toBeLessThan(1e6)
    expect((await stat(join(folder, 'ort/ort-wasm-simd-threaded.wasm.gz'))).size).toBeLessThan(4e6)
  })

  it('says what it is for before anything but its own page has come', async () => {
    const context = await studio.browser.newContext({ viewport: { width: 1440, height: 900 }, serviceWorkers: 'block' })
    const page = await context.newPage()
    try {
      // Nothing of the model comes; neither do the examples.
      await page.route(/\/(model|ort|shelf)\//, () => undefined)
      await page.goto(studio.address, { waitUntil: 'commit' })
      await page.locator('h1', { hasText: 'Make a picture move' }).waitFor(PATIENCE)
      await page.locator('.drop button').click(PATIENCE)
      expect(await page.locator('.examples img').count()).toBe(12)
    } finally {
      await context.close()
    }
  })

  it('is isolated from other sites by its service worker, and tells of one download', async () => {
    const { page, asked } = studio
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    expect(asked.filter((url) => url.endsWith('.wasm'))).toEqual([])
  })

  it('refuses hostile pictures in one sentence each', async () => {
    const { page } = studio
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg"><script>globalThis.hacked = true</script></svg>'
    const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#123' } })
      .png()
      .toBuffer()
    png.writeUInt32BE(30_000, 16)
    png.writeUInt32BE(30_000, 20)
    const gif = await sharp({ create: { width: 99, height: 99, channels: 3, background: '#123' } })
      .gif()
      .toBuffer()
    const before = await studio.pixels('.cropper canvas')
    for (const [name, type, bytes, message] of [
      ['a.svg', 'image/svg+xml', Buffer.from(drawing), 'SVG drawings are not read'],
      // What it says it is does not matter.
      ['a.png', 'image/png', Buffer.from(drawing), 'SVG drawings are not read'],
      ['b.png', 'image/png', png, 'it has 30000 x 30000 pixels'],
      ['c.gif', 'image/gif', gif.subarray(0, gif.length - 20), 'damaged or cut short'],
      ['d.txt', 'text/plain', Buffer.from('hello'), 'd.txt'],
    ] as const) {
      await studio.give('drop', [name, type, bytes])
      await page.locator('.message.error', { hasText: message }).waitFor()
      await page.locator('.message .close').click()
    }
    expect(await page.evaluate(() => 'hacked' in globalThis)).toBe(false)
    expect(await studio.pixels('.cropper canvas')).toBe(before)
  })

  it('is reached by the Tab key, control by control, and shows where one is', async () => {
    const { page } = studio
    const reached = new Set<string>()
    await studio.show('Draw')
    await page.locator('.brand').focus()
    for (let presses = 0; presses < 90; presses++) {
      await page.keyboard.press('Tab')
      const name = await page.evaluate(() => {
        const at = document.activeElement as HTMLElement
        if (at === document.body) return undefined
        const marked = [at, at.nextElementSibling, at.parentElement].some(
          (element) => element && getComputedStyle(element).outlineStyle !== 'none',
        )
        const label = at.ariaLabel ?? at.closest('label')?.textContent ?? at.textContent.trim()
        return `${at.ariaLabel || at.tagName !== 'INPUT' ? label : (at as HTMLInputElement).name || label}${marked ? '' : ' (unseen)'}`
      })
      if (name === undefined) break
      reached.add(name || (await page.evaluate(() => document.activeElement!.getAttribute('title') ?? '?')))
    }
    const names = [...reached].join('\n')
    for (const control of [
      'Light or dark',
      'Speed',
      'There and back',
      'First picture: draw on it',
      'colour',
      'Brush',
      'Undo',
      'How much may change',
      'Open a clip…',
      'Replace the first picture…',
      'Start over',
      'Picture of the clip',
      'Show the pictures before and after',
      'Kept clips',
      'Star',
      'Delete',
      'How much it moves',
      'Faithful – free',
      'Ends where it begins',
      'Details',
      'purpose',
      'Save',
    ])
      expect(names).toContain(control)
    // One stop for all frames, for the tries, for the kept clips.
    expect(reached.size).toBeLessThan(40)
    expect(names).not.toContain('unseen')
    await studio.show('Make')
  })

  it('is held to its own files by its policy', async () => {
    const elsewhere = await Site.open({ files: new Map([['/stolen', 'x']]) })
    const page = await studio.context.newPage()
    try {
      await page.goto(studio.address)
      await page.locator('.top').waitFor()
      const outcome = await page.evaluate(async (url) => {
        const script = document.createElement('script')
        script.textContent = 'globalThis.hacked = true'
        document.body.append(script)
        const image = new Image()
        const imageAnswer = new Promise((resolve) => {
          image.onload = () => resolve('shown')
          image.onerror = () => resolve('refused')
        })
        image.src = url
        const fetched = await fetch(url, { mode: 'no-cors' }).then(
          () => 'fetched',
          () => 'refused',
        )
        return [fetched, await imageAnswer, 'hacked' in globalThis]
      }, `${elsewhere.url}stolen`)
      expect(outcome).toEqual(['refused', 'refused', false])
      expect(elsewhere.asked.size).toBe(0)
      // Workers have the policy of their own answer: the service worker's.
      const policy = await page.evaluate(async () => {
        const script = document.querySelector<HTMLScriptElement>('script[src]')!.src
        return (await fetch(script)).headers.get('content-security-policy')
      })
      expect(policy).toContain("default-src 'none'")
    } finally {
      await page.close()
      await elsewhere.close()
    }
  })

  it('says that the model came damaged, and fetches it again for the next clip', async () => {
    const { page, site } = studio
    const unet = '/some/folder/model/student/diffusion_pytorch_model.safetensors'
    await page.evaluate(() => caches.delete('sfv-models'))
    site.spoiled.set(unet, (right) => Uint8Array.from(right, (byte, i) => (i === 99_999 ? byte ^ 1 : byte)))
    await page.reload()
    await page
      .locator('.message.error', { hasText: 'came damaged: its SHA-256 is not that of manifest.json' })
      .waitFor(PATIENCE)
    await expect.poll(() => page.locator('.try:not(.empty)').count()).toBe(0)
    await studio.idle()
    await page.locator('.shelf button[title=cactus]').click()
    await studio.made()
  })

  it('draws while it plays, and nothing at all while it is paused or in the background', async () => {
    const { page } = studio
    const drawn = (work: 'none' | 'hide' | 'show') =>
      page.evaluate(async (work) => {
        if (work !== 'none') {
          Object.defineProperty(document, 'hidden', { value: work === 'hide', configurable: true })
          document.dispatchEvent(new Event('visibilitychange'))
        }
        const proto = CanvasRenderingContext2D.prototype
        const own = Object.getOwnPropertyDescriptor(proto, 'drawImage')!
        const draw = own.value as (...args: unknown[]) => void
        let count = 0
        const value = function (this: unknown, ...args: unknown[]) {
          count++
          draw.apply(this, args)
        }
        Object.defineProperty(proto, 'drawImage', { ...own, value })
        await new Promise((resolve) => setTimeout(resolve, 600))
        Object.defineProperty(proto, 'drawImage', own)
        return count
      }, work)
    await expect.poll(() => drawn('none'), PATIENCE).toBeGreaterThan(0)
    expect(await drawn('hide')).toBe(0)
    await expect.poll(() => drawn('show'), PATIENCE).toBeGreaterThan(0)
    await page.locator('.make .transport .icon-button[title^=Pause]').click()
    expect(await drawn('none')).toBe(0)
    await page.locator('.make .transport .icon-button[title^=Play]').click()
  })

  it('asked no other host, and complained of nothing', () => {
    const { asked, site, complaints } = studio
    expect(asked.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(site.url))).toEqual([])
    expect(complaints).toEqual([])
  })

  it.each([320, 390, 1024, 1440, 2560])('fits a screen of %d pixels, without a fault that axe finds', async (width) => {
    const { page } = studio
    await page.setViewportSize({ width, height: width < 500 ? 844 : Math.round(width * 0.6) })
    const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
    const faults = async (name: string) => {
      expect([name, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([name, width])
      await page.evaluate(`{ const module = undefined; ${axe} }`)
      const found = await page.evaluate(async () => {
        const { violations } = await (
          globalThis as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
          }
        ).axe.run()
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
      })
      expect([name, found]).toEqual([name, []])
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const tab of ['Make', 'Draw', 'Compare'] as const) {
        await studio.show(tab)
        await faults(`${tab} ${colorScheme}`)
      }
      await studio.show('Make')
    }
    const stage = (await page.locator('.make .stage').boundingBox())!
    expect(stage.width).toBeGreaterThan(width > 2000 ? 900 : 200)
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.emulateMedia({ colorScheme: 'light' })
  })

  it('has the clip, the tries and what to do next on a phone’s first screen', async () => {
    const { page } = studio
    await page.setViewportSize({ width: 390, height: 844 })
    await page.evaluate(() => scrollTo(0, 0))
    for (const part of ['.make .stage', '.tries', '.bottom']) {
      const box = (await page.locator(part).boundingBox())!
      expect([part, box.y >= 0, box.y + box.height <= 844]).toEqual([part, true, true])
    }
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  it('works without a connection after the first load', async () => {
    const { page, site } = studio
    // What is for the next visit is fetched after the model.
    const kept = () =>
      page.evaluate(async () => {
        const names = (await caches.keys()).filter((name) => name.startsWith('sfv-studio-'))
        return (await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length)))[0]
      })
    await expect.poll(kept, PATIENCE).toBeGreaterThan(30)
    const weights = () =>
      page.evaluate(async () => (await (await caches.open('sfv-models')).keys()).map(({ url }) => url))
    const teacher = createHash('sha256').update(await readFile(join(TINY, 'unet/diffusion_pytorch_model.safetensors')))
    await expect.poll(weights, PATIENCE).toContainEqual(expect.stringContaining(teacher.digest('hex')))
    await site.close()
    await page.reload()
    await studio.made()
    await studio.take('gift')
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await studio.show('Compare')
    await page.locator('.compare .primary').click()
    await page.locator('.tile .hint', { hasText: /^50 forwards/ }).waitFor(PATIENCE)
    expect(await page.locator('.tile .hint', { hasText: /forward/ }).count()).toBe(5)
  })
})
