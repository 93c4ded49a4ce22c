import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import type { Page } from 'playwright-core'
import type { AnimateSettings } from '../../src/pipeline/settings.js'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeClip } from '../../src/media/decode.node.js'
import type { ExportSettings } from '../../src/media/export-settings.js'
import { ImageToVideo } from '../../src/pipeline/pretrained.node.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { fixturePath } from '../support/fixture.js'
import { picture, TINY, tinySource } from '../pipeline/tiny.js'
import { chromiumPath, without } from './support/chromium.js'
import { floatClip } from './support/float-clip.js'
import type { Harness } from './support/harness.js'
import { input, LibraryPage, settings } from './support/library-page.js'
import type { Site } from './support/site.js'

declare const sfv: Harness

// The package has no types.
const upng = createRequire(import.meta.url)('upng-js') as {
  decode(file: ArrayBuffer): { readonly width: number; readonly frames: readonly unknown[] }
}

const UNET = '/model/unet/diffusion_pytorch_model.safetensors'
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0

describe.skipIf(chromiumPath === undefined)(`sfv/web in Chromium${without}`, { timeout: 120_000 }, () => {
  let library: LibraryPage
  let site: Site
  let page: Page

  beforeAll(async () => {
    library = await LibraryPage.open()
    ;({ site, page } = library)
  }, 120_000)

  afterAll(() => library?.close())

  const MOTIONS: AnimateSettings['motions'] = [{ from: ['30%', '50%'], to: ['60%', '50%'] }]

  it('lets go of weights that the storage has, and reads them from there', async () => {
    const same = await page.evaluate(async () => {
      const files = await sfv.ModelFiles.open('model')
      const name = 'unet/diffusion_pytorch_model.safetensors'
      const [before, held] = [await files.read(name), await files.read(name)]
      files.release()
      const after = await files.read(name)
      return [before === held, before === after, before.every((value, i) => value === after[i])]
    })
    expect(same).toEqual([true, false, true])
  })

  it('makes what Node makes, within 1e-3', async () => {
    const expected = await floatClip(await tinySource(), nodeEngine({ threads: 1 }), picture, settings)
    const actual = await page.evaluate(
      async ([{ data, ...size }, asked]) => {
        const files = await sfv.ModelFiles.open('model')
        const engine = await sfv.webEngine((file) => files.read(file), { device: 'wasm', runtime: '/ort/' })
        const source = await sfv.openModelFiles(files)
        return [...(await sfv.floatClip(source, engine, { ...size, data: Uint8Array.from(data) }, asked))]
      },
      [input, settings] as const,
    )
    expect(actual).toHaveLength(expected.length)
    const largest = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
    expect(largest).toBeLessThan(1e-3)
  })

  it('animates and edits in a worker, with the clips of Node; then frees it', async () => {
    const node = await ImageToVideo.fromPretrained(TINY, { threads: 1 })
    const clip = await node.animate(picture, settings)
    const edited = await node.edit(clip, picture, { ...settings, strength: 0.2 })
    const steered = await node.animate(picture, { ...settings, end: picture, still: picture, motions: MOTIONS })
    await node.dispose()
    const workers = page.workers().length
    const { first, second, third, device, downloads, stages } = await page.evaluate(
      async ([{ data, ...size }, asked, motions]) => {
        const downloads: number[] = []
        const stages: string[] = []
        const onDownload = ({ loaded, total }: { loaded: number; total: number }) => downloads.push(loaded / total)
        const model = await sfv.ImageToVideo.fromPretrained('model', { runtime: 'ort/', onDownload })
        const source = { ...size, data: Uint8Array.from(data) }
        const onProgress = (event: { type: string; stage?: string }) => stages.push(event.stage ?? event.type)
        const clip = await model.animate(source, { ...asked, onProgress })
        const edited = await model.edit(clip, source, { ...asked, strength: 0.2 })
        const steered = await model.animate(source, { ...asked, end: source, still: source, motions })
        model.dispose()
        const { device } = model
        const [first, second, third] = [clip, edited, steered].map(({ frames }) => [...frames.data])
        return { first: first!, second: second!, third: third!, device, downloads, stages }
      },
      [input, settings, MOTIONS] as const,
    )
    expect(device).toBe('wasm')
    const worst = (a: readonly number[], b: Uint8Array) =>
      a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
    expect([first.length, worst(first, clip.frames.data) <= 1]).toEqual([clip.frames.data.length, true])
    expect([second.length, worst(second, edited.frames.data) <= 1]).toEqual([edited.frames.data.length, true])
    expect([third.length, worst(third, steered.frames.data) <= 1]).toEqual([steered.frames.data.length, true])
    expect(downloads).toEqual([...downloads].sort((a, b) => a - b))
    expect(downloads.at(-1)).toBe(1)
    expect(stages).toEqual(expect.arrayContaining(['warning', 'open', 'encode', 'denoise', 'decode']))
    await expect.poll(() => page.workers().length, { timeout: 20_000 }).toBe(workers)
  })

  it('fetches weights once', async () => {
    const before = site.asked.get(UNET)
    expect(before).toBe(1)
    await page.evaluate(async () => (await sfv.ImageToVideo.fromPretrained('model', { runtime: 'ort/' })).dispose())
    expect(site.asked.get(UNET)).toBe(before)
  })

  it('refuses a damaged download, and fetches it again the next time', async () => {
    const fresh = await library.newPage()
    const open = () =>
      fresh.evaluate(() =>
        sfv.ModelFiles.open('model')
          .then((files) => sfv.openModelFiles(files))
          .then(
            () => 'opened',
            (error: Error) => `${error.name}: ${error.message}`,
          ),
      )
    site.spoiled.set(UNET, (right) => Uint8Array.from(right, (byte, i) => (i === 99_999 ? byte ^ 1 : byte)))
    expect(await open()).toMatch(/^UserError: .*unet.* came damaged: its SHA-256 is not that of manifest.json/)
    site.spoiled.set(UNET, (right) => right.subarray(0, 5000))
    expect(await open()).toMatch(/came damaged/)
    expect(await open()).toBe('opened')

    // What lies damaged in the storage is fetched anew, too.
    const before = site.asked.get(UNET)!
    await fresh.evaluate(async () => {
      const cache = await caches.open('sfv-models')
      for (const key of await cache.keys())
        if (key.url.includes('.sfv-models')) await cache.put(key, new Response('nonsense'))
    })
    expect(await open()).toBe('opened')
    expect(site.asked.get(UNET)).toBe(before + 1)
    await fresh.context().close()
  })

  it('ends when it is told to', async () => {
    const name = await page.evaluate(
      async ([{ data, ...size }, asked]) => {
        const model = await sfv.ImageToVideo.fromPretrained('model', { runtime: 'ort/' })
        const stop = new AbortController()
        const onProgress = () => stop.abort()
        const source = { ...size, data: Uint8Array.from(data) }
        const clip = model.animate(source, { ...asked, signal: stop.signal, onProgress })
        const ended = await clip.then(
          () => 'made',
          (error: Error) => error.name,
        )
        model.dispose()
        return ended
      },
      [input, settings] as const,
    )
    expect(name).toBe('AbortError')
  })

  it('says so where WebGPU or memory is missing', async () => {
    const messages = await page.evaluate(async () => {
      const read = () => Promise.reject(new Error('no file'))
      const said = (work: Promise<unknown>) => work.then(String, (error: Error) => `${error.name}: ${error.message}`)
      const engine = await sfv.webEngine(read, { device: 'auto', runtime: '/ort/' })
      const { input, matmul } = sfv.ops
      const outer = async (side: number) => {
        const graph = sfv.lower({ outer: matmul(input('a', [side, 1]), input('b', [1, side])) })
        const program = await engine.load(graph)
        return said(program.run({ a: new Float32Array(side), b: new Float32Array(side) }))
      }
      return [
        engine.device,
        // Under four gigabytes and over: more than WebAssembly has left, and more than it can ever have.
        await outer(32_750),
        await outer(50_000),
        await said(sfv.webEngine(read, { device: 'webgpu', runtime: '/ort/' })),
      ]
    })
    const noMemory = 'the browser has no memory left for this clip; choose fewer frames or a smaller size'
    expect(messages).toEqual([
      'wasm',
      `UserError: ${noMemory}`,
      `UserError: ${noMemory}`,
      'UserError: this browser has no WebGPU adapter; choose the device wasm',
    ])
  })

  describe('files', () => {
    let folder: string
    const gif = fixturePath('clips/fox.webp')

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sfv-web-'))
      const bytes = await sharp(gif, { animated: true }).toBuffer()
      await page.evaluate(
        async (bytes) => {
          const blob = new Blob([Uint8Array.from(bytes)])
          const clip = await sfv.readClip(blob, { fps: 7, width: 64, height: 64, maxFrames: 6 })
          Object.assign(globalThis, { clip: new sfv.Clip({ ...clip, metadata: { seed: '11' } }) })
        },
        [...bytes],
      )
    }, 120_000)

    afterAll(() => rm(folder, { recursive: true, force: true }))

    async function exported(settings: ExportSettings): Promise<Buffer> {
      const text = await page.evaluate(async (asked) => {
        const { clip } = globalThis as unknown as { clip: InstanceType<Harness['Clip']> }
        const { blob } = await clip.toFile(asked)
        const bytes = new Uint8Array(await blob.arrayBuffer())
        return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '')
      }, settings)
      return Buffer.from(text, 'hex')
    }

    it('are read as Node reads them', async () => {
      const { data, alpha } = await page.evaluate(() => {
        const { clip } = globalThis as unknown as { clip: InstanceType<Harness['Clip']> }
        return { data: [...clip.frames.data], alpha: [...clip.alpha!] }
      })
      const { frames, alpha: opacity } = await decodeClip(gif, {
        sampling: { fps: 7, size: { width: 64, height: 64 }, minFrames: 6 },
      })
      const size = 6 * 64 * 64 * 3
      expect(data).toHaveLength(size)
      const error = data.reduce((sum, value, i) => sum + Math.abs(value - frames.data[i]!), 0) / size
      expect(error).toBeLessThan(4) // Another resizing, the same pictures.
      const outline = alpha.reduce((sum, value, i) => sum + Math.abs(value - opacity![i]!), 0) / alpha.length
      expect(outline).toBeLessThan(4)
      expect([alpha[0], alpha[32 * 64 + 32]]).toEqual([0, 255])
    })

    it.each(['webp', 'gif'] as const)('%s decodes to the frames, cut out where asked', async (format) => {
      const image = sharp(await exported({ format, size: 128 }), { animated: true })
      expect(await image.metadata()).toMatchObject({ format, pages: 6, width: 128, pageHeight: 128, loop: 0 })
      const cut = sharp(await exported({ format, size: 64, transparent: true }), { animated: true })
      const { data } = await cut.ensureAlpha().raw().toBuffer({ resolveWithObject: true })
      expect(data[3]).toBe(0)
      expect(data[(32 * 64 + 32) * 4 + 3]).toBe(255)
    })

    it('apng decodes to the frames, and fits in 20 KB where asked', async () => {
      const whole = upng.decode(new Uint8Array(await exported({ format: 'apng' })).buffer)
      expect([whole.width, whole.frames.length]).toEqual([64, 6])
      const small = await exported({ format: 'apng', limit: 20 * 1024, transparent: true })
      expect(small.length).toBeLessThanOrEqual(20 * 1024)
      expect(upng.decode(new Uint8Array(small).buffer).frames.length).toBeGreaterThan(1)
    })

    it('png is a zip of pictures', async () => {
      const files = unzipSync(new Uint8Array(await exported({ format: 'png', size: 32 })))
      expect(Object.keys(files)).toHaveLength(6)
      expect(await sharp(files['frame-05.png']).metadata()).toMatchObject({ width: 32, height: 32, format: 'png' })
    })

    it.skipIf(!hasFfmpeg).each(['mp4', 'webm'] as const)('%s decodes to the frames', async (format) => {
      const path = join(folder, `clip.${format}`)
      await writeFile(path, await exported({ format, size: 128 }))
      const { frames } = await decodeClip(path)
      expect(frames).toMatchObject({ count: 6, width: 128, height: 128 })
      const png = unzipSync(new Uint8Array(await exported({ format: 'png', size: 128, transparent: false })))
      const first = await sharp(png['frame-00.png']).removeAlpha().raw().toBuffer()
      const error = first.reduce((sum, value, i) => sum + Math.abs(value - frames.data[i]!), 0) / first.length
      expect(error).toBeLessThan(6)
    })
  })
})
