import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { picture, tinySource } from '../pipeline/tiny.js'
import { chromiumPath, without } from './support/chromium.js'
import { floatClip } from './support/float-clip.js'
import type { Harness } from './support/harness.js'
import { input, LibraryPage, settings } from './support/library-page.js'

declare const sfv: Harness

const NONE = 'no software adapter of WebGPU here'

describe.skipIf(chromiumPath === undefined)(`WebGPU in Chromium${without}`, { timeout: 400_000 }, () => {
  let library: LibraryPage
  let page: Page
  let hasAdapter: boolean

  beforeAll(async () => {
    library = await LibraryPage.open({ gpu: true })
    page = library.page
    hasAdapter = await page.evaluate(async () => {
      const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu
      return Boolean(await gpu?.requestAdapter())
    })
  }, 120_000)

  afterAll(() => library?.close())

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
