import { spawnSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { unzipSync } from 'fflate'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath, without } from './support/chromium.js'
import { PATIENCE, Studio } from './support/studio.js'

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
const KB = 1024
const [SIDE, COUNT, FPS] = [64, 14, 7]

/** What `ffprobe` says of a file's picture track. */
function probe(path: string): Record<string, string | undefined> {
  const asked = ['-v', 'error', '-show_entries', 'stream:format=duration', '-of', 'json', path]
  const { streams, format } = JSON.parse(spawnSync('ffprobe', asked, { encoding: 'utf8' }).stdout) as {
    streams: Record<string, string>[]
    format: Record<string, string>
  }
  return { ...streams[0], duration: format['duration'] }
}

/** The opacity at the corners and the middle of a file's third picture, and the colour of the middle, as FFmpeg decodes it. */
function seenByFfmpeg(path: string, width: number, decoder: readonly string[]) {
  const args = ['-v', 'error', ...decoder, '-i', path, '-vf', 'select=eq(n\\,2)', '-frames:v', '1']
  const raw = spawnSync('ffmpeg', [...args, '-pix_fmt', 'rgba', '-f', 'rawvideo', '-'], { maxBuffer: 1e8 }).stdout
  return fivePlaces(raw, width)
}

function fivePlaces(rgba: Uint8Array, width: number) {
  const at = (x: number, y: number) => [...rgba.subarray(4 * (y * width + x), 4 * (y * width + x) + 4)]
  const [near, far, middle] = [2, width - 3, Math.floor(width / 2)]
  const corners = [at(near, near), at(far, near), at(near, far), at(far, far)].map(([, , , a]) => a)
  return { corners, middle: at(middle, middle) }
}

describe.skipIf(chromiumPath === undefined || !hasFfmpeg)(
  `files of the studio, read by others${without}${hasFfmpeg ? '' : ' (skipped: no ffmpeg)'}`,
  { timeout: 180_000 },
  () => {
    let studio: Studio

    beforeAll(async () => {
      studio = await Studio.open()
      // Two clips in the browser's database, as an earlier visit has left them: a red disc that is cut out, and a full picture.
      await studio.page.evaluate(
        ([side, count, fps]) =>
          new Promise<void>((resolve, reject) => {
            const open = indexedDB.open('sfv-studio')
            open.onerror = () => reject(new Error('no database'))
            open.onsuccess = () => {
              const write = open.result.transaction('clips', 'readwrite')
              for (const name of ['disc', 'full']) {
                const data = new Uint8Array(count * side * side * 3)
                const alpha = new Uint8Array(count * side * side)
                for (let i = 0; i < alpha.length; i++) {
                  const [x, y] = [i % side, Math.floor(i / side) % side]
                  const frame = Math.floor(i / side / side)
                  const inside = Math.hypot(x - side / 2, y - side / 2) < 18 + (frame % 4)
                  alpha[i] = inside ? 255 : 0
                  data.set(
                    name === 'full' ? [x * 4, y * 4, 9 * frame] : inside ? [220, 20, 60] : [255, 255, 255],
                    3 * i,
                  )
                }
                const frames = { width: side, height: side, count, data }
                const clip = { frames, fps, metadata: { seed: '3' }, ...(name === 'disc' && { alpha }) }
                write.objectStore('clips').put({ id: name, name, seed: 3, starred: false, when: 1, clip })
              }
              write.oncomplete = () => resolve()
            }
          }),
        [SIDE, COUNT, FPS] as const,
      )
      await studio.page.reload()
      await studio.ready()
    }, 180_000)
    afterAll(() => studio?.close())

    it.each(['disc', 'full'] as const)('fit each purpose (%s)', async (clip) => {
      const { page } = studio
      await page.locator(`.kept [aria-label^="${clip}"]`).click()
      const isClear = clip === 'disc'
      const expectPlaces = ({ corners, middle }: ReturnType<typeof fivePlaces>, purpose: string) => {
        // A lossy video may be off by a little.
        const nearly = (value: number | undefined) => (value! <= 2 ? 0 : value! >= 253 ? 255 : value)
        expect([purpose, ...corners.map(nearly)]).toEqual([purpose, ...Array<number>(4).fill(isClear ? 0 : 255)])
        expect([purpose, nearly(middle[3])]).toEqual([purpose, 255])
        if (isClear) expect([purpose, middle[0]! > 190, middle[1]! < 70]).toEqual([purpose, true, true])
      }
      for (const [purpose, side, limit] of [
        ['Slack emoji', 128, 128 * KB],
        ['Discord emoji', 128, 256 * KB],
        ['WhatsApp sticker', 512, 500 * KB],
      ] as const) {
        const { name, path } = await studio.save(purpose)
        expect(name).toMatch(new RegExp(`^sfv-${clip}-.*-3\\.(gif|webp)$`))
        expect((await stat(path)).size).toBeLessThanOrEqual(limit)
        const file = await readFile(path)
        const { width, pageHeight, pages, delay, loop } = await sharp(file, { animated: true }).metadata()
        expect([purpose, width, pageHeight, pages, loop]).toEqual([purpose, side, side, COUNT, 0])
        const seconds = delay!.reduce((sum, each) => sum + each, 0) / 1000
        expect(seconds).toBeCloseTo(COUNT / FPS, 1)
        expectPlaces(fivePlaces(await sharp(file, { page: 2 }).ensureAlpha().raw().toBuffer(), side), purpose)
      }
      for (const [purpose, side, limit, codec] of [
        ['Discord sticker', 320, 512 * KB, 'apng'],
        ['iMessage sticker', 408, 500 * KB, 'apng'],
        ['Telegram sticker', 512, 256 * KB, 'vp9'],
        ['Telegram emoji', 100, 64 * KB, 'vp9'],
      ] as const) {
        const { path } = await studio.save(purpose)
        expect((await stat(path)).size).toBeLessThanOrEqual(limit)
        const { width, height, codec_name: name, duration } = probe(path)
        expect([purpose, width, height, name]).toEqual([purpose, side, side, codec])
        if (codec === 'vp9') expect(Number(duration)).toBeLessThanOrEqual(3)
        const decoder = codec === 'vp9' && isClear ? ['-c:v', 'libvpx-vp9'] : []
        expectPlaces(seenByFfmpeg(path, side, decoder), purpose)
      }
    })

    it('are a post of yuv420p in limited range that plays for six seconds, and a page with its picture', async () => {
      const { page } = studio
      await page.locator('.kept [aria-label^="disc"]').click()
      const post = await studio.save('A post')
      expect(post.name).toBe('sfv-disc-post-3.mp4')
      const { width, height, pix_fmt: pixels, color_range: range, duration, r_frame_rate: rate } = probe(post.path)
      expect([width, height, pixels, range, rate]).toEqual([720, 720, 'yuv420p', 'tv', '7/1'])
      expect(Number(duration)).toBeGreaterThanOrEqual(6)
      const { middle, corners } = seenByFfmpeg(post.path, 720, [])
      expect([corners, middle[0]! > 190]).toEqual([[255, 255, 255, 255], true])

      const web = await studio.save('A web page')
      const files = unzipSync(new Uint8Array(await readFile(web.path)))
      const [image, html] = ['sfv-disc-web-page-3.webp', 'sfv-disc-web-page-3.html']
      expect(Object.keys(files).sort()).toEqual([html, image])
      expect(new TextDecoder().decode(files[html])).toContain(`<img src="${image}" width="64" height="64"`)
      expect((await sharp(files[image]).metadata()).width).toBe(64)
    })

    it('lie on the colour that is chosen, play back and forth, slower, and again', async () => {
      const { page } = studio
      await page.locator('.kept [aria-label^="disc"]').click()
      await page.locator('.look .segmented label', { hasText: 'Colour' }).click()
      await page.locator('.look input[type=color]').fill('#3366cc')
      await page.locator('.look .toggle').click()
      await studio.drag('Speed', 0.75)
      // There is room for two rounds of 26 / 5.25 s in ten seconds.
      await studio.drag('Plays in a file', 6)
      const { path } = await studio.save('WhatsApp sticker')
      const file = await readFile(path)
      const { pages, delay } = await sharp(file, { animated: true }).metadata()
      expect([pages, Math.round(delay!.reduce((sum, each) => sum + each, 0) / 100)]).toEqual([2 * 26, 99])
      const corner = await sharp(file, { page: 2 }).ensureAlpha().raw().toBuffer()
      for (const [channel, value] of [0x33, 0x66, 0xcc, 255].entries())
        expect(Math.abs(corner[channel]! - value)).toBeLessThan(12)
      await studio.drag('Speed', 1)
      await studio.drag('Plays in a file', 1)
      await page.locator('.look .toggle').click()
      await page.locator('.look .segmented label', { hasText: 'Nothing' }).click()
    })

    it('are any file of any size and limit, and a pack of what is starred', async () => {
      const { page } = studio
      for (const clip of ['disc', 'full']) {
        await page.locator(`.kept [aria-label^="${clip}"]`).click()
        await page.locator('.history button', { hasText: 'Star' }).click()
      }
      await page.locator('.purposes[role=radiogroup] label', { hasText: 'Another file' }).click()
      await page.locator('select[aria-label="Kind of file"]').selectOption('apng')
      await page.locator('select[aria-label="Longer side in pixels"]').selectOption('256')
      await page.locator('input[aria-label="Most kilobytes"]').fill('30')
      const { path } = await studio.save('Another file')
      expect((await stat(path)).size).toBeLessThanOrEqual(30 * KB)
      // A pack of what is starred, for two places.
      await page.locator('.several summary').click()
      const pack = page.locator('.several .wide')
      expect(await pack.isDisabled()).toBe(true)
      for (const label of ['Starred', 'iMessage sticker', 'Slack emoji'])
        await page.locator('.several label', { hasText: label }).click()
      expect(await page.locator('.several .hint').textContent()).toBe('4 files')
      const zipOf = async (work: () => Promise<unknown>) => {
        const download = page.waitForEvent('download', PATIENCE)
        await work()
        const file = await download
        return { name: file.suggestedFilename(), files: unzipSync(new Uint8Array(await readFile(await file.path()))) }
      }
      const { name, files } = await zipOf(() => pack.click())
      expect(name).toBe('sfv-several-pack.zip')
      const both = (purpose: string, ending: string) =>
        ['01-sfv-disc', '02-sfv-full'].map((start) => `${purpose}/${start}-${purpose}-3.${ending}`)
      expect(Object.keys(files).sort()).toEqual([...both('imessage-sticker', 'png'), ...both('slack-emoji', 'gif')])
      for (const [file, bytes] of Object.entries(files)) {
        const copy = `${path}-${file.replace('/', '-')}`
        await writeFile(copy, bytes)
        expect(probe(copy)['codec_name']).toBe(file.endsWith('gif') ? 'gif' : 'apng')
      }
      await page.locator('.several summary').click()
      const all = await zipOf(() => page.locator('.history button', { hasText: 'Export all' }).click())
      expect([all.name, Object.keys(all.files)]).toEqual([
        'sfv-clip-pack.zip',
        ['01-sfv-disc-clip-3.webp', '02-sfv-full-clip-3.webp'],
      ])
    })

    it('are copied: moving within HTML, and as the first picture', async () => {
      const { page } = studio
      await studio.context.grantPermissions(['clipboard-read', 'clipboard-write'])
      await page.locator('.kept [aria-label^="disc"]').click()
      await page.locator('.purposes[role=radiogroup] label', { hasText: 'Slack emoji' }).first().click()
      await page.locator('.save button[title=Copy]').click()
      await page.locator('.message', { hasText: 'Copied' }).waitFor(PATIENCE)
      const copied = await page.evaluate(async () => {
        const [item] = await navigator.clipboard.read()
        const bytes = new Uint8Array(await (await item!.getType('image/png')).arrayBuffer())
        return { html: await (await item!.getType('text/html')).text(), png: [...bytes] }
      })
      const [, base64] = /src="data:image\/gif;base64,([^"]+)"/.exec(copied.html)!
      expect((await sharp(Buffer.from(base64!, 'base64'), { animated: true }).metadata()).pages).toBe(COUNT)
      expect(await sharp(Buffer.from(copied.png)).metadata()).toMatchObject({
        width: SIDE,
        height: SIDE,
        format: 'png',
      })
      expect(studio.complaints).toEqual([])
    })
  },
)
