import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixturePath } from '../support/fixture.js'
import { TINY_PICTURE } from '../pipeline/tiny.js'
import { chromiumPath, without } from './support/chromium.js'
import { PATIENCE, Studio } from './support/studio.js'

describe.skipIf(chromiumPath === undefined)(`the studio’s views in Chromium${without}`, { timeout: 120_000 }, () => {
  let studio: Studio

  beforeAll(async () => {
    studio = await Studio.open()
  }, 180_000)
  afterAll(() => studio?.close())

  it('makes another while a slider is dragged, and tells the time', async () => {
    await studio.page.keyboard.press('ArrowRight')
    const before = await studio.pixels()
    await studio.remade('.animate', () => studio.drag('Seed', 100, 300, 500), /1 forward, \d+\.\d\d s/)
    await expect.poll(() => studio.pixels(), PATIENCE).not.toBe(before)
    for (const [slider, value] of [
      ['Motion', 220],
      ['Noise', 80],
    ] as const) {
      const earlier = await studio.pixels()
      await studio.remade('.animate', () => studio.drag(slider, value))
      expect([slider, (await studio.pixels()) !== earlier]).toEqual([slider, true])
    }
  })

  it('plays, steps, jumps, scrubs and shows neighbours', async () => {
    const { page } = studio
    const frame = () => page.locator('.animate .count').textContent()
    await page.locator('h1').click()
    // A step stops the clip.
    await page.keyboard.press('ArrowRight')
    const first = await frame()
    const pixels = await studio.pixels()
    await page.keyboard.press('ArrowRight')
    expect(await frame()).not.toBe(first)
    await page.keyboard.press('ArrowLeft')
    expect([await frame(), await studio.pixels()]).toEqual([first, pixels])
    await page.keyboard.press('o')
    expect(await page.locator('.animate .transport [aria-pressed]').getAttribute('aria-pressed')).toBe('true')
    expect(await studio.pixels()).not.toBe(pixels)
    await page.keyboard.press('o')
    expect(await studio.pixels()).toBe(pixels)
    await page.locator('.animate .strip button').nth(1).click()
    expect(await frame()).toMatch(/^2 /)
    expect(await page.locator('.animate .strip [aria-current=true]').getAttribute('aria-label')).toBe('Frame 2')
    await studio.drag('Frame', 0)
    expect(await frame()).toMatch(/^1 /)
    // On a button, the space bar presses it.
    await page.locator('h1').click()
    await page.keyboard.press(' ')
    await expect.poll(frame, PATIENCE).toMatch(/^2 /)
    // In a circle.
    await expect.poll(frame, PATIENCE).toMatch(/^1 /)
    await page.keyboard.press(' ')
  })

  it('takes a picture from the shelf, a drop, the clipboard or a file, cropped and on a colour', async () => {
    const { page } = studio
    const preview = '.cropper canvas'
    const red = await sharp({ create: { width: 40, height: 20, channels: 4, background: '#f00' } })
      .png()
      .toBuffer()
    const clear = await sharp({ create: { width: 40, height: 20, channels: 4, background: '#0000' } })
      .webp()
      .toBuffer()
    const seen = new Set([await studio.pixels(preview)])
    const isNew = async (name: string, work: () => Promise<unknown>) => {
      await studio.remade('.animate', work)
      const size = seen.size
      expect([name, seen.add(await studio.pixels(preview)).size]).toEqual([name, size + 1])
    }
    await isNew('shelf', () => page.locator('.shelf button[title=guitar]').click())
    expect(await page.locator('.shelf [aria-pressed=true]').getAttribute('title')).toBe('guitar')
    await isNew('crop', () => studio.drag('Size', 2))
    await isNew('keys', () => page.locator(preview).press('ArrowLeft'))
    await isNew('drop', () => studio.give('drop', 'red.png', 'image/png', red))
    await isNew('paste', () => studio.give('paste', 'clear.webp', 'image/webp', clear))
    const corner = () =>
      page
        .locator(preview)
        .evaluate((canvas: HTMLCanvasElement) => [...canvas.getContext('2d')!.getImageData(5, 5, 1, 1).data])
    expect(await corner()).toEqual([255, 255, 255, 255])
    await studio.remade('.animate', () => page.locator('.swatch input').fill('#3366cc'))
    expect(await corner()).toEqual([0x33, 0x66, 0xcc, 255])
    await isNew('file', () => page.locator('.source input[type=file]').setInputFiles(TINY_PICTURE))
  })

  it('saves the clip', async () => {
    const { page } = studio
    await page.locator('.save .segmented label', { hasText: 'GIF' }).click()
    await page.locator('.save input[type=checkbox]').check()
    await page.locator('.save select[aria-label="Size limit"]').selectOption(String(128 * 1024))
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.save .primary').click()])
    expect(download.suggestedFilename()).toBe('sfv-500.gif')
    const file = await readFile(await download.path())
    expect(file.length).toBeLessThanOrEqual(128 * 1024)
    const { pages, hasAlpha, format, width } = await sharp(file, { animated: true }).metadata()
    expect([format, hasAlpha, pages! > 1, width]).toEqual(['gif', true, true, 256])
  })

  it('closes a loop, made forwards and backwards', async () => {
    const { page } = studio
    const open = await studio.pixels()
    await studio.remade('.animate', () => page.locator('.toggle').click(), /^6 forwards/)
    expect(await studio.pixels()).not.toBe(open)
    await studio.remade('.animate', () => page.locator('.toggle').click(), /^1 forward,/)
    expect(await studio.pixels()).toBe(open)
  })

  it('lays one step beside the teacher’s many, each with its forwards and time, in step', async () => {
    const { page } = studio
    await studio.show('Compare')
    const notes = () => page.locator('.compare .note').allTextContents()
    const button = page.locator('.compare .primary')
    await button.click()
    await page.locator('.compare .note', { hasText: /1 forward/ }).waitFor(PATIENCE)
    expect(await button.textContent()).toBe('Stop')
    await button.click()
    await expect.poll(() => button.textContent(), PATIENCE).toBe('Compare')
    expect((await notes()).at(-1)).toBe('–')

    await button.click()
    await expect
      .poll(async () => (await notes()).map((note) => note.replace(/\d+\.\d\d s$/, 'time')), PATIENCE)
      .toEqual(['1 forward, time', '8 forwards, time', '16 forwards, time', '32 forwards, time', '50 forwards, time'])
    expect(await page.locator('.compare .empty').count()).toBe(0)
    const screens = () =>
      page
        .locator('.compare .screen')
        .evaluateAll((canvases) => canvases.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()))
    await page.keyboard.press('ArrowRight')
    const here = await screens()
    expect(new Set(here).size).toBe(5)
    await page.keyboard.press('ArrowRight')
    expect((await screens()).filter((screen, i) => screen === here[i])).toEqual([])
    await page.keyboard.press('ArrowLeft')
    expect(await screens()).toEqual(here)
    await studio.show('Animate')
  })

  it('carries what is drawn on the first frame through the clip', async () => {
    const { page } = studio
    await studio.show('Edit')
    const pad = page.locator('.pad')
    await pad.scrollIntoViewIfNeeded()
    const box = (await pad.boundingBox())!
    const before = await studio.pixels('.edit .screen')
    await studio.remade('.edit', async () => {
      await page.mouse.move(box.x + 60, box.y + 60)
      await page.mouse.down()
      await page.mouse.move(box.x + 200, box.y + 220, { steps: 6 })
      await page.mouse.up()
    })
    const edited = await studio.pixels('.edit .screen')
    expect(edited).not.toBe(before)
    await studio.remade('.edit', () => studio.drag('Strength', 0.9))
    expect(await studio.pixels('.edit .screen')).not.toBe(edited)
  })

  it('is drawn on by keys as well, and takes back', async () => {
    const { page } = studio
    const pad = page.locator('.pad')
    const before = await studio.pixels('.pad')
    await pad.focus()
    await studio.remade('.edit', async () => {
      for (const key of ['ArrowUp', ' ', 'ArrowRight', 'ArrowRight', ' ']) await page.keyboard.press(key)
    })
    const drawn = await studio.pixels('.pad')
    expect(drawn).not.toBe(before)
    await page.keyboard.press('ArrowDown')
    expect(await studio.pixels('.pad')).toBe(drawn)
    await studio.remade('.edit', () => page.keyboard.press('Control+z'))
    expect(await studio.pixels('.pad')).toBe(before)
  })

  it('edits a clip that is dropped', async () => {
    await studio.give('drop', 'fox.webp', 'image/webp', await readFile(fixturePath('clips/fox.webp')))
    await studio.made('.edit', /Draw on the first frame/)
    expect(studio.complaints).toEqual([])
  })
})
