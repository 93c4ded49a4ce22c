import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import sharp from 'sharp'
import type { CDPSession } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manifestOf } from '../../src/weights/manifest.node.js'
import { TINY } from '../pipeline/tiny.js'
import { chromiumPath, without } from './support/chromium.js'
import { PATIENCE, Studio } from './support/studio.js'

/** A part that was pulled, as a clip's metadata has it. */
interface Motion {
  readonly from: readonly [string, string]
  readonly to: readonly [string, string]
  readonly radius: string
  readonly ease: string
}

describe.skipIf(chromiumPath === undefined)(
  `pins, brush, steps back and models in Chromium${without}`,
  { timeout: 120_000 },
  () => {
    let studio: Studio

    beforeAll(async () => {
      studio = await Studio.open()
      await studio.take('cactus')
    }, 180_000)
    afterAll(() => studio?.close())

    const tool = (name: string) => studio.page.locator('.steer .segmented label', { hasText: name })
    /** The first pictures of the four tries, as numbers that differ where they do. */
    const tries = async () => {
      await studio.drag('Picture of the clip', 0)
      return studio.page.locator('.try canvas').evaluateAll((all) =>
        all.map((canvas) => {
          const { width, height } = canvas as HTMLCanvasElement
          const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
          return data.reduce((sum, value, i) => (31 * sum + value * ((i % 97) + 1)) % 2147483647, 7)
        }),
      )
    }
    const labels = () =>
      studio.page.locator('.pin').evaluateAll((all) => all.map((pin) => pin.getAttribute('aria-label')))
    const numbers = (texts: readonly string[]) => texts.map((text) => Math.round(Number.parseFloat(text)))
    const lastMotions = async () => JSON.parse((await studio.lastKept())['motions'] ?? '[]') as Motion[]
    const place = async (x: number, y: number) => {
      const box = (await studio.page.locator('.make .stage').boundingBox())!
      return [box.x + x * box.width, box.y + y * box.height] as const
    }

    it('shows a sketch while a part is pulled, and the model follows when it is let go', async () => {
      const { page } = studio
      const before = await tries()
      await tool('Pull').click()
      await page.locator('.make .count', { hasText: /^1 / }).waitFor()
      const still = await studio.pixels()
      await page.mouse.move(...(await place(0.8, 0.4)))
      await page.mouse.down()
      await page.mouse.move(...(await place(0.8, 0.2)), { steps: 3 })
      await page.locator('.sketch:visible').waitFor(PATIENCE)
      // What is pulled is where the arrow points: in the last picture.
      expect(await page.locator('.make .count').textContent()).toMatch(/^(\d+) \/ \1$/)
      const first = await studio.pixels()
      expect(first).not.toBe(still)
      await page.mouse.move(...(await place(0.6, 0.2)), { steps: 3 })
      await expect.poll(() => studio.pixels(), PATIENCE).not.toBe(first)
      expect(await tries()).toEqual(before)
      await studio.remade(() => page.mouse.up())
      expect(await page.locator('.sketch').isVisible()).toBe(false)
      expect(await tries()).not.toEqual(before)
      const [{ from, to, radius, ease }] = (await lastMotions()) as [Motion]
      expect([...numbers([...from, ...to, radius]), ease]).toEqual([80, 40, 60, 20, 14, 'soft'])
    })

    it('takes pins by keys alone: they are put, moved, widened, made to come back, removed', async () => {
      const { page } = studio
      await page.locator('.steer input[value=pull]').focus()
      await page.keyboard.press('Tab')
      for (let i = 0; i < 8 && !(await page.locator('button:focus', { hasText: 'Add a pin' }).count()); i++)
        await page.keyboard.press('Tab')
      await studio.remade(() => page.keyboard.press('Enter'))
      expect((await labels())[1]).toBe('Pin 2: from 50 %, 50 % to 50 %, 35 %')
      await studio.remade(async () => {
        for (const key of ['ArrowRight', 'ArrowDown', 'Shift+ArrowLeft', '+']) await page.keyboard.press(key)
      })
      expect((await labels())[1]).toBe('Pin 2: from 48 %, 50 % to 50 %, 37 %')
      await studio.remade(() => page.locator('.tool .toggle').click())
      const [, { radius, ease }] = (await lastMotions()) as [Motion, Motion]
      expect([...numbers([radius]), ease]).toEqual([16, 'return'])
      await page.locator('.pin').nth(1).focus()
      await studio.remade(() => page.keyboard.press('Delete'))
      expect(await labels()).toHaveLength(1)
    })

    it('paints what stays and what moves, by pointer and by keys; a sketch is kept as it is', async () => {
      const { page } = studio
      await tool('Brush').click()
      const mask = '.brush canvas'
      const covered = () =>
        page.locator(mask).evaluate((canvas: HTMLCanvasElement) => {
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
          return data.filter((value, i) => i % 4 === 3 && value > 127).length / (data.length / 4)
        })
      // How many colours a place of the trunk has in the clip.
      const trunk = async () => {
        const colours = new Set<string>()
        for (let frame = 0; frame < 4; frame++) {
          await studio.drag('Picture of the clip', frame)
          const at = (canvas: HTMLCanvasElement) => {
            const { width, height } = canvas
            return canvas
              .getContext('2d')!
              .getImageData(width / 2, 0.8 * height, 1, 1)
              .data.join()
          }
          colours.add(await page.locator('.make .stage .screen').evaluate(at))
        }
        return colours.size
      }
      expect(await covered()).toBe(0)
      expect(await trunk()).toBeGreaterThan(1)
      await page.mouse.move(...(await place(0.2, 0.8)))
      await page.mouse.down()
      await page.mouse.move(...(await place(0.8, 0.8)), { steps: 3 })
      await studio.remade(() => page.mouse.up())
      const line = await covered()
      expect(line).toBeGreaterThan(0.05)
      expect(line).toBeLessThan(0.2)
      await studio.remade(() => page.locator('.tool button', { hasText: 'Clear' }).click())
      await tool('This moves').click()
      await page.locator(mask).focus()
      await page.keyboard.press(' ')
      await page.keyboard.press('ArrowUp')
      await page.locator('.sketch:visible').waitFor(PATIENCE)
      expect(await covered()).toBeGreaterThan(0.85)
      const kept = await page.locator('.kept > div').count()
      // At once: a model as small as this one would come before a click.
      await page.locator('.sketch button').evaluate((button: HTMLElement) => button.click())
      await expect.poll(() => page.locator('.kept > div').count()).toBe(kept + 1)
      expect(await page.locator('.kept [aria-selected=true]').getAttribute('aria-label')).toMatch(/^cactus/)
      expect(await studio.lastKept()).toEqual({ software: 'sfv' })
      await studio.remade(() => page.keyboard.press(' '))
      await studio.remade(() => page.locator('.tool button', { hasText: 'Clear' }).click())
    })

    it('takes back and makes again: pins, settings, picks and pictures, with the clips that were made', async () => {
      const { page } = studio
      await tool('Watch').click()
      const seen = [await tries()]
      await studio.remade(() => studio.drag('How much it moves', 200))
      seen.push(await tries())
      await page.locator('.try').nth(2).click()
      const picked = () => page.locator('.try input:checked').getAttribute('value')
      await studio.take('gift')
      expect(await labels()).toEqual([])
      await page.evaluate(() => (document.activeElement as HTMLElement).blur())
      await page.keyboard.press('Control+z')
      expect([await tries(), await picked(), (await labels()).length]).toEqual([seen[1], '2', 1])
      expect(await page.locator('.shelf [aria-pressed=true]').getAttribute('title')).toBe('cactus')
      await page.keyboard.press('Control+z')
      expect(await picked()).toBe('0')
      await page.locator('.steer button[title^=Undo]').click()
      // They are there at once: nothing is made anew.
      expect([await tries(), await page.locator('.work.idle').count()]).toEqual([seen[0], 1])
      await page.keyboard.press('Control+Shift+z')
      expect(await tries()).toEqual(seen[1])
      await page.locator('.steer button[title^=Redo]').click()
      await page.keyboard.press('Control+y')
      await expect.poll(() => page.locator('.shelf [aria-pressed=true]').getAttribute('title')).toBe('gift')
      expect(await page.locator('.steer button[title^=Redo]').isDisabled()).toBe(true)
    })

    it('opens another model by address, folder and zip, and takes shape, length and motion from it', async () => {
      const { page, folder } = studio
      const other = join(folder, 'other')
      await cp(TINY, other, { recursive: true })
      const change = async (file: string, fields: object) => {
        const path = join(other, file)
        await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...fields }))
      }
      await change('unet/config.json', { num_frames: 6, sample_size: [16, 12] })
      await change('model_index.json', { _sfv_defaults: { motion_bucket_id: 200, free_edge: 0.75 } })
      await rm(join(other, 'case.safetensors.gz'))
      await writeFile(join(other, 'manifest.json'), JSON.stringify(await manifestOf(other)))
      await page.locator('.settings summary').click()
      const says = () => page.locator('.settings details .hint').first().textContent()
      const tiny = await says()
      const isOther = async () => {
        expect(await says()).toMatch(/^This model makes 6 pictures of 48 × 64/)
        expect(await page.locator('.numbers dd').first().textContent()).toBe('200')
        expect(await page.locator('.make .count').textContent()).toMatch(/ 6$/)
        const box = (await page.locator('.make .stage').boundingBox())!
        expect(box.width / box.height).toBeCloseTo(48 / 64, 2)
      }
      const zipOf = async () => {
        const files: Record<string, Uint8Array> = {}
        for (const entry of await readdir(TINY, { recursive: true }))
          if (/json$|safetensors$/.test(entry)) files[`tiny/${entry}`] = await readFile(join(TINY, entry))
        return Buffer.from(zipSync(files, { level: 0 }))
      }
      const address = page.locator('.address input')
      await address.fill('other/')
      await studio.anew(() => page.locator('.address button').click())
      await isOther()
      expect(page.url()).toContain('model=other')
      const zip = page.locator('.model input[accept=".zip"]')
      await studio.anew(async () =>
        zip.setInputFiles({ name: 'tiny.zip', mimeType: 'application/zip', buffer: await zipOf() }),
      )
      expect(await says()).toBe(tiny)
      await studio.anew(() => page.locator('.model input[webkitdirectory]').setInputFiles(other))
      await isOther()
      for (const [text, work] of [
        [
          'takes no models of https://example.com',
          () => address.fill('https://example.com/model').then(() => address.press('Enter')),
        ],
        [
          'broken.zip is no zip',
          () => zip.setInputFiles({ name: 'broken.zip', mimeType: '', buffer: Buffer.from('no') }),
        ],
      ] as const) {
        await work()
        await page.locator('.message.error', { hasText: text }).waitFor(PATIENCE)
        await page.locator('.message .close').click()
      }
      await isOther()
      // It says which pictures it knows: of others the studio speaks, and cuts a figure from a plain ground.
      expect(await page.locator('.unlike').isVisible()).toBe(false)
      const disc = '<svg width="64" height="64"><circle cx="32" cy="32" r="18" fill="#e32"/></svg>'
      const blue = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#2850c8' } })
        .composite([{ input: Buffer.from(disc) }])
        .png()
        .toBuffer()
      await studio.remade(() => studio.give('drop', ['blue.png', 'image/png', blue]))
      await page.locator('.unlike p', { hasText: 'Only 0 % of this picture’s edge is free' }).waitFor(PATIENCE)
      await studio.remade(() => page.locator('.unlike button').click())
      await expect.poll(() => page.locator('.unlike').isVisible()).toBe(false)
      const places = await page.locator('.cropper canvas').evaluate((canvas: HTMLCanvasElement) => {
        const context = canvas.getContext('2d')!
        const at = (x: number, y: number) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data]
        return { corner: at(0.02, 0.02)[3], middle: at(0.5, 0.5) }
      })
      expect(places).toEqual({ corner: 0, middle: [0xee, 0x33, 0x22, 255] })
      await studio.anew(() => page.locator('.model button', { hasText: 'The studio’s own' }).click())
      expect(await says()).toBe(tiny)
      await page.locator('.settings summary').click()
    })

    it('is used by touch alone on a phone: pulled, swiped, taken back', async () => {
      const { page } = studio
      await page.setViewportSize({ width: 390, height: 844 })
      const fingers: CDPSession = await page.context().newCDPSession(page)
      await fingers.send('Emulation.setTouchEmulationEnabled', { enabled: true })
      const touch = async (...path: readonly (readonly [number, number])[]) => {
        for (const [index, [x, y]] of path.entries())
          await fingers.send('Input.dispatchTouchEvent', {
            type: index === 0 ? 'touchStart' : 'touchMove',
            touchPoints: [{ x, y }],
          })
        await fingers.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
      }
      const tap = async (target: ReturnType<typeof tool>) => {
        await target.scrollIntoViewIfNeeded()
        const { x, y, width, height } = (await target.boundingBox())!
        await touch([x + width / 2, y + height / 2])
      }
      await page.evaluate(() => scrollTo(0, 0))
      const picked = () => page.locator('.try input:checked').getAttribute('value')
      expect(await picked()).toBe('0')
      await touch(await place(0.7, 0.5), await place(0.5, 0.5), await place(0.2, 0.5))
      await expect.poll(picked).toBe('1')
      await tap(tool('Pull'))
      await studio.remade(async () =>
        touch(await place(0.5, 0.6), await place(0.5, 0.5), await place(0.5, 0.4), await place(0.5, 0.3)),
      )
      expect(await labels()).toHaveLength(1)
      expect(await page.evaluate(() => scrollY)).toBe(0)
      await tap(page.locator('.steer button[title^=Undo]'))
      await expect.poll(labels).toEqual([])
      await fingers.send('Emulation.setTouchEmulationEnabled', { enabled: false })
      expect(studio.complaints).toEqual([])
    })
  },
)
