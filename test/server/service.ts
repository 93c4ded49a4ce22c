import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve, type Running, type ServeOptions } from '../../src/server/serve.js'
import { TINY } from '../pipeline/tiny.js'

/** The settings of a service of the tests: the tiny model, one worker, any free port. */
export const SETTINGS: Omit<ServeOptions, 'data'> = {
  model: TINY,
  host: '127.0.0.1',
  port: 0,
  concurrency: 1,
  device: 'cpu',
  precision: 'float32',
  threads: 1,
  allowUrl: [],
  allowOrigin: [],
  timeLimit: 60,
  requestLimit: 60,
  limits: {
    queued: 100,
    queuedPerToken: 100,
    runningPerToken: 4,
    bytesPerToken: 1e9,
    bytes: 1e6,
    pixels: 1e6,
  },
}

/** A new folder, and what removes it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sfv-serve-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts a service in this process, with its workers in processes of their own. */
export function startService(data: string, options: Partial<ServeOptions> = {}): Promise<Running> {
  return serve({ ...SETTINGS, data, ...options })
}

/** Waits until something holds; the test's own limit ends it otherwise. */
export async function until<T>(what: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await what()
    if (value !== undefined && value !== false) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A picture as a data URL. */
export function dataUrl(bytes: Uint8Array, type = 'image/png'): string {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`
}
