import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixturePath } from '../support/fixture.js'
import { expectedView, orientedFile, viewOf } from '../support/oriented.js'
import { chromiumPath, without } from './support/chromium.js'
import { PATIENCE, Studio } from './support/studio.js'

describe.skipIf(chromiumPath === undefined)(`the studio’s views in Chromium${without}`, { timeout: 120_000 }, () => {
  let studio: Studio

  beforeAll(async () => {
    studio = await Studio.open()
    await studio.take('balloon')
  }, 180_000)
  afterAll(() => studio?.close())

  const png = (colour: string, width = 40, height = 20) =>
    sharp({ create: { width, height, channels: 4, background: colour } })
      .png()
      .toBuffer()

  it('makes four tries, of which one is picked and looked at', async () => {
    const { page } = studio
    const tries = await page
      .locator('.try canvas')
      .evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()))
    expect(new Set(tries).size).toBe(4)
    expect(await page.locator('.try input:checked').getAttribute('value')).toBe('0')
    await page.locator('.try').nth(2).click()
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.keyboard.press('ArrowRight')
    await page.locator('.transport .icon-button[title^=Play]').first().waitFor({ state: 'attached' })
    expect(await studio.pixels()).toBe(await studio.pixels('.try:nth-child(3) canvas'))
    await page.locator('.try').nth(0).click()
  })

  it('says nothing of the model that the model has not said', async () => {
    const { page } = studio
    await page.locator('.settings summary').click()
    const index = JSON.parse(await readFile(fixturePath('pipeline-tiny/unet/config.json'), 'utf8')) as {
      num_frames: number
    }
    const hint = await page.locator('.settings details .hint').first().textContent()
    expect(hint).toMatch(new RegExp(`^This model makes ${index.num_frames} pictures of \\d+ × \\d+, 7 a second`))
    expect(await page.locator('.numbers dd').allTextContents()).toEqual(['127', '0.02'])
    await page.locator('.settings summary').click()
  })

  it('makes others while a slider is dragged; the old ones look old and are not saved', async () => {
    const { page } = studio
    const before = await page
      .locator('.try canvas')
      .nth(1)
      .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL())
    const atOnce = await page.evaluate(() => {
      const slider = document.querySelector<HTMLInputElement>('input[aria-label="How much it moves"]')!
      for (const value of ['30', '120', '250']) {
        slider.value = value
        slider.dispatchEvent(new Event('input', { bubbles: true }))
      }
      const save = document.querySelector<HTMLButtonElement>('.save .primary')!
      return [document.querySelector('.tries')!.classList.contains('old'), save.disabled, save.textContent]
    })
    expect(atOnce).toEqual([true, true, 'Wait for the new clip'])
    await studio.made()
    expect(await page.locator('.save .primary').isEnabled()).toBe(true)
    expect(
      await page
        .locator('.try canvas')
        .nth(1)
        .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL()),
    ).not.toBe(before)
    await studio.remade(() => studio.drag('Faithful – free', 90))
    await studio.remade(() => page.locator('.settings button', { hasText: 'Another try' }).click())
    expect(page.url()).toMatch(/#picture=balloon&try=5&motion=250&noise=0\.\d+$/)
  })

  it('is cancelled, and says that the tries are old', async () => {
    const { page } = studio
    await studio.drag('How much it moves', 60)
    await page.locator('.work:not(.idle)').waitFor(PATIENCE)
    await page.locator('.work button').click()
    await studio.idle()
    expect(await page.locator('.note').textContent()).toMatch(/before your last change/)
    await studio.remade(() => page.locator('.settings button', { hasText: 'Another try' }).click())
    expect(await page.locator('.note').textContent()).toBe('')
  })

  it('keeps what was made when the view changes', async () => {
    const { page } = studio
    const before = await page
      .locator('.try canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => canvas.width)
    for (const tab of ['Compare', 'Draw', 'Make'] as const) await studio.show(tab)
    await expect.poll(() => page.locator('.work.idle').count()).toBe(1)
    await expect.poll(() => page.locator('.try:not(.empty)').count()).toBe(4)
    expect(
      await page
        .locator('.try canvas')
        .first()
        .evaluate((canvas: HTMLCanvasElement) => canvas.width),
    ).toBe(before)
  })

  it('pauses by the space bar after a click on the shelf, and by it alone moves on from a slider', async () => {
    const { page } = studio
    await studio.take('cactus')
    await page.locator('.shelf button[title=cactus]').focus()
    const playing = () => page.locator('.make .transport .icon-button').first().getAttribute('title')
    const wasPlaying = /^Pause/.test((await playing())!)
    await page.keyboard.press(' ')
    await expect.poll(async () => /^Pause/.test((await playing())!)).toBe(!wasPlaying)
    await expect.poll(() => page.locator('.work.idle').count()).toBe(1)
    await page.locator('input[aria-label="How much it moves"]').focus()
    await page.keyboard.press(' ')
    await expect.poll(async () => /^Pause/.test((await playing())!)).toBe(wasPlaying)
  })

  it('plays, steps, scrubs, goes back, and shows neighbours', async () => {
    const { page } = studio
    const frame = () => page.locator('.make .count').textContent()
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.keyboard.press('ArrowRight')
    const [first, pixels] = [await frame(), await studio.pixels()]
    await page.keyboard.press('ArrowRight')
    expect(await frame()).not.toBe(first)
    await page.keyboard.press('ArrowLeft')
    expect([await frame(), await studio.pixels()]).toEqual([first, pixels])
    await page.keyboard.press('o')
    expect(await studio.pixels()).not.toBe(pixels)
    await page.keyboard.press('o')
    await studio.drag('Picture of the clip', 0)
    expect(await frame()).toMatch(/^1 /)
    const length = Number((await frame())!.split('/')[1])
    await page.locator('.look .toggle').click()
    expect(Number((await frame())!.split('/')[1])).toBe(2 * length - 2)
    await page.locator('.look .toggle').click()
  })

  it('takes pictures by drop, clipboard and file, says when one is left out or moves, and crops them', async () => {
    const { page } = studio
    const preview = '.cropper canvas'
    const seen = new Set([await studio.pixels(preview)])
    const isNew = async (name: string, work: () => Promise<unknown>) => {
      await studio.remade(work)
      const { size } = seen
      expect([name, seen.add(await studio.pixels(preview)).size]).toEqual([name, size + 1])
    }
    const [red, blue] = [await png('#f00'), await png('#00f')]
    await isNew('drop', () => studio.give('drop', ['red.png', 'image/png', red], ['blue.png', 'image/png', blue]))
    await page.locator('.message', { hasText: 'red.png was taken; one picture at a time' }).waitFor()
    await isNew('paste', () => studio.give('paste', ['blue.png', 'image/png', blue]))
    const file = { name: 'green.png', mimeType: 'image/png', buffer: await png('#0f0') }
    await isNew('file', () => page.locator('.source input[type=file]').setInputFiles(file))
    const fox = await readFile(fixturePath('clips/fox.webp'))
    await isNew('moving', () => studio.give('drop', ['fox.webp', 'image/webp', fox]))
    await page.locator('.message', { hasText: 'fox.webp moves already: its first picture was taken' }).waitFor()
    await isNew('crop', () => studio.drag('Size', 2))
    await isNew('keys', () => page.locator(preview).press('ArrowLeft'))
    await page.locator(preview).hover()
    await isNew('wheel', () => page.mouse.wheel(0, -300))
  })

  it.each([6, 8] as const)('shows a large photo of orientation %d upright and unsquashed', async (orientation) => {
    const photo = await orientedFile('jpeg', orientation, 1600, 1200)
    await studio.give('drop', ['photo.jpg', 'image/jpeg', photo])
    await studio.made()
    await studio.remade(() => studio.drag('Size', 0.5))
    const seen = await studio.page.locator('.cropper canvas').evaluate((canvas: HTMLCanvasElement) => {
      const { width, height } = canvas
      const pixels = canvas.getContext('2d')!.getImageData(0, 0, width, height).data
      const solid = (x: number, y: number) => pixels[4 * (y * width + x) + 3] === 255
      const across = Array.from({ length: width }, (_, x) => solid(x, height / 2)).filter(Boolean).length
      const down = Array.from({ length: height }, (_, y) => solid(width / 2, y)).filter(Boolean).length
      const at = (x: number, y: number) => {
        const start = 4 * ((height / 2 + y) * width + width / 2 + x)
        return [...pixels.slice(start, start + 3)]
      }
      return { shape: across / down, data: [at(-40, -40), at(39, -40), at(-40, 39), at(39, 39)].flat() }
    })
    expect(seen.shape).toBeCloseTo(1200 / 1600, 1)
    expect(viewOf({ width: 2, height: 2, data: seen.data }).quarters).toEqual(
      expectedView(orientation, 1600, 1200).quarters,
    )
  })

  it('keeps clips over a reload: starred, looked at again, deleted', async () => {
    const { page } = studio
    await studio.take('balloon')
    const before = await page.locator('.kept > div').count()
    expect(before).toBeGreaterThan(1)
    await page.locator('.kept > div').nth(1).click()
    await page.locator('.history button', { hasText: 'Star' }).click()
    const name = await page.locator('.kept [aria-selected=true]').getAttribute('aria-label')
    expect(name).toMatch(/, starred$/)
    await page.locator('.try').first().click()
    await page.reload()
    // The address names the example: it is there again, with its settings.
    await studio.made()
    expect(await page.locator('.shelf [aria-pressed=true]').getAttribute('title')).toBe('balloon')
    await page.locator(`.kept [aria-label="${name}"]`).click()
    await page.locator('.kept').focus()
    const count = await page.locator('.kept > div').count()
    await page.keyboard.press('Delete')
    await expect.poll(() => page.locator('.kept > div').count()).toBe(count - 1)
    await expect.poll(() => studio.stored()).toBe(count - 1)
    await page.reload()
    await studio.made()
    await expect.poll(() => page.locator(`.kept [aria-label="${name}"]`).count()).toBe(0)
  })

  it('lays one step beside the teacher’s many, in step, and keeps them', async () => {
    const { page } = studio
    await studio.show('Compare')
    const notes = () => page.locator('.tile .hint').allTextContents()
    await page.locator('.compare .primary').click()
    await page.locator('.tile .hint', { hasText: /1 forward/ }).waitFor(PATIENCE)
    await page.locator('.work button').click()
    await studio.idle()
    expect((await notes()).at(-1)).toBe('–')
    await page.locator('.compare .primary').click()
    await expect
      .poll(async () => (await notes()).map((note) => note.replace(/\d+\.\d\d s$/, 'time')), PATIENCE)
      .toEqual(['1 forward, time', '8 forwards, time', '16 forwards, time', '32 forwards, time', '50 forwards, time'])
    await studio.idle()
    await studio.show('Make')
    await studio.show('Compare')
    await expect.poll(() => page.locator('.compare .empty, .compare.old').count()).toBe(0)
    await studio.show('Make')
  })

  it('carries what is drawn through the clip that is looked at, by pointer and by keys, and takes it back', async () => {
    const { page } = studio
    await page.locator('.try').nth(1).click()
    await studio.show('Draw')
    const pad = page.locator('.pad')
    const box = (await pad.boundingBox())!
    const drawn = async (work: () => Promise<unknown>) => {
      const running = page.locator('.work:not(.idle)').waitFor(PATIENCE)
      await work()
      await running
      await studio.idle()
    }
    const before = await studio.pixels('.pad')
    await drawn(async () => {
      await page.mouse.move(box.x + 60, box.y + 60)
      await page.mouse.down()
      await page.mouse.move(box.x + 200, box.y + 220, { steps: 6 })
      await page.mouse.up()
    })
    expect(await studio.pixels('.pad')).not.toBe(before)
    await page.locator('.inset').waitFor()
    const stroke = await studio.pixels('.pad')
    await pad.focus()
    await drawn(async () => {
      for (const key of ['ArrowUp', ' ', 'ArrowRight', 'ArrowRight', ' ']) await page.keyboard.press(key)
    })
    expect(await studio.pixels('.pad')).not.toBe(stroke)
    await drawn(() => page.keyboard.press('Control+z'))
    expect(await studio.pixels('.pad')).toBe(stroke)
    await drawn(() => studio.drag('How much may change', 0.9))
    // Another clip that is picked is what is drawn on next.
    await page.locator('.draw button', { hasText: 'Start over' }).click()
    expect(await studio.pixels('.pad')).toBe(before)
  })

  it('draws on a clip that is dropped, and puts a picture of another shape in place of its first, unstretched', async () => {
    const { page } = studio
    await studio.show('Draw')
    await studio.give('drop', ['fox.webp', 'image/webp', await readFile(fixturePath('clips/fox.webp'))])
    await page.locator('.kept [aria-selected=true][aria-label^="fox.webp"]').waitFor(PATIENCE)
    const half = await sharp(await png('#f00', 30, 60))
      .extend({ left: 15, right: 15, background: '#0f0' })
      .png()
      .toBuffer()
    const wide = await sharp(half).extend({ left: 60, right: 60, background: '#00f' }).png().toBuffer()
    await page
      .locator('.draw .file', { hasText: 'Replace' })
      .locator('input')
      .setInputFiles({ name: 'wide.png', mimeType: 'image/png', buffer: wide })
    const colours = () =>
      page.locator('.pad').evaluate((canvas: HTMLCanvasElement) => {
        const { width, height } = canvas
        return [0.1, 0.5, 0.9].map((share) => [
          ...canvas.getContext('2d')!.getImageData(Math.floor(width * share), Math.floor(height / 2), 1, 1).data,
        ])
      })
    // The middle square of it: green, red, green; nothing of the blue sides.
    await expect.poll(colours).toEqual([
      [0, 255, 0, 255],
      [255, 0, 0, 255],
      [0, 255, 0, 255],
    ])
    await studio.idle()
    expect(studio.complaints).toEqual([])
  })
})
