import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { manifestOf } from '../../src/weights/manifest.node.js'
import { picture, TINY, tinySource } from '../pipeline/tiny.js'
import { harnessFiles } from './support/bundle.js'
import { chromiumPath, launch, without } from './support/chromium.js'
import { floatClip } from './support/float-clip.js'
import type { Harness } from './support/harness.js'
import { ISOLATED, Site } from './support/site.js'

declare const sfv: Harness

const NONE = 'no software adapter of WebGPU here'
/** As small as a clip can be: the software adapter is some hundred times slower than WebAssembly. */
const settings = { frames: 2, width: 32, height: 32, seed: 3 }

describe.skipIf(chromiumPath === undefined)(`WebGPU in Chromium${without}`, { timeout: 400_000 }, () => {
  let site: Site
  let browser: Browser
  let page: Page
  let hasAdapter: boolean

  beforeAll(async () => {
    const files = new Map<string, string | Uint8Array>(await harnessFiles())
    files.set('/model/manifest.json', JSON.stringify(await manifestOf(TINY)))
    const folders = { '/model/': TINY, '/ort/': 'node_modules/onnxruntime-web/dist' }
    site = await Site.open({ files, folders, headers: ISOLATED })
    browser = await launch({ gpu: true })
    page = await browser.newPage()
    await page.goto(site.url)
    await page.waitForFunction(() => 'sfv' in globalThis)
    hasAdapter = await page.evaluate(async () => {
      const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu
      return Boolean(await gpu?.requestAdapter())
    })
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it('runs a graph as WebAssembly does', async ({ skip }) => {
    if (!hasAdapter) return skip(NONE)
    const outcome = await page.evaluate(async () => {
      const { input, conv, groupNorm, silu } = sfv.ops
      const normed = groupNorm(input('x', [2, 8, 8, 8]), input('scale', [8]), input('shift', [8]), 4, 1e-5)
      const graph = sfv.lower({ y: conv(silu(normed), input('w', [4, 8, 3, 3]), undefined, { padding: [1, 1] }) })
      const values = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898))
      const feeds = { x: values(1024), scale: values(8), shift: values(8), w: values(288) }
      const results = []
      for (const device of ['webgpu', 'wasm'] as const) {
        const engine = await sfv.webEngine(() => Promise.reject(new Error('no file')), { device, runtime: '/ort/' })
        results.push([...(await (await engine.load(graph)).run(feeds))['y']!])
      }
      return results
    })
    const [gpu, cpu] = outcome as [number[], number[]]
    expect(gpu).toHaveLength(512)
    expect(largestDifference(gpu, cpu)).toBeLessThan(1e-3)
  })

  it('makes the clip that Node makes, within 1e-3', async ({ skip }) => {
    if (!hasAdapter) return skip(NONE)
    const expected = await floatClip(await tinySource(), nodeEngine({ threads: 1 }), picture, settings)
    const input = { width: picture.width, height: picture.height, data: [...picture.data] }
    const actual = await page.evaluate(
      async ([{ data, ...size }, asked]) => {
        const files = await sfv.ModelFiles.open('model')
        const engine = await sfv.webEngine((file) => files.read(file), { device: 'webgpu', runtime: '/ort/' })
        const source = await sfv.openModelFiles(files)
        return [...(await sfv.floatClip(source, engine, { ...size, data: Uint8Array.from(data) }, asked))]
      },
      [input, settings] as const,
    )
    expect(actual).toHaveLength(expected.length)
    expect(largestDifference(actual, expected)).toBeLessThan(1e-3)
  })
})

function largestDifference(actual: readonly number[], expected: ArrayLike<number>): number {
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
}
