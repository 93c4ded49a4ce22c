import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where a Chromium lies on this machine; undefined where there is none, and tests in it are skipped. */
export const chromiumPath = process.env['CHROMIUM'] ?? PLACES.find((path) => existsSync(path))

/** Why tests in a browser are skipped, for their names. */
export const without = chromiumPath === undefined ? ' (skipped: no chromium on this machine; apt-get install it)' : ''

/** Starts Chromium; with `gpu` WebGPU runs on its software adapter, else the browser has none. */
export function launch({ gpu = false } = {}): Promise<Browser> {
  const webgpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']
  return chromium.launch({
    executablePath: chromiumPath!,
    args: ['--no-sandbox', ...(gpu ? webgpu : ['--disable-gpu'])],
  })
}
