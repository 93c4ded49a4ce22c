import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { writeManifest } from '../../src/weights/manifest.node.js'
import { TINY } from '../pipeline/tiny.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What an app does with the library: a clip of a drawing, exported twice, and what is known of it afterwards. */
export const APP_SOURCE = `
import { ImageToVideo } from 'sfv/web'

async function run(options) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 })
  const context = canvas.getContext('2d')
  context.fillStyle = 'tomato'
  context.fillRect(16, 16, 32, 32)
  const picture = await new Promise((resolve) => canvas.toBlob(resolve))
  const model = await ImageToVideo.fromPretrained('/model', { device: 'wasm', ...options })
  const clip = await model.animate(picture, { frames: 2, width: 32, height: 32, seed: 3 })
  const gif = await clip.toFile({ format: 'gif' })
  const webp = await clip.toFile({ format: 'webp' })
  model.dispose()
  return { isolated: crossOriginIsolated, frames: clip.frames.count, types: [gif.blob.type, webp.blob.type] }
}

globalThis.runApp = run
`

/** What `runApp` of a page answers where all went well. */
export const APP_ANSWER = { isolated: true, frames: 2, types: ['image/gif', 'image/webp'] }

/** Puts a small model that browsers can open into a folder. */
export async function putModel(folder: string): Promise<void> {
  cpSync(TINY, folder, { recursive: true })
  await writeManifest(folder)
}

/**
 * Puts into a folder's node_modules what browsers need of onnxruntime-web, as files: a development server serves no
 * links.
 */
export function putOnnxRuntime(folder: string): void {
  const [from, to] = [join(root, 'node_modules/onnxruntime-web'), join(folder, 'node_modules/onnxruntime-web')]
  const stems = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap((stem) => [
    `${stem}.mjs`,
    `${stem}.wasm`,
  ])
  mkdirSync(join(to, 'dist'), { recursive: true })
  for (const file of ['package.json', ...['ort.wasm', 'ort.webgpu'].map((stem) => `dist/${stem}.bundle.min.mjs`)])
    writeFileSync(join(to, file), readFileSync(join(from, file)))
  for (const file of stems) cpSync(join(from, 'dist', file), join(to, 'dist', file))
}

/** Opens an app in a page of its own, runs it, and says what it answered or what went wrong. */
export async function runApp(browser: Browser, url: string, options: object = {}): Promise<unknown> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on(
    'response',
    (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`),
  )
  try {
    await page.goto(url)
    await page.waitForFunction(() => 'runApp' in globalThis)
    return await page.evaluate(
      (asked) => (globalThis as unknown as { runApp(options: object): Promise<unknown> }).runApp(asked),
      options,
    )
  } catch (error) {
    throw new Error([(error as Error).message, ...complaints].join('\n'), { cause: error })
  } finally {
    await context.close()
  }
}
