import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { inProcess } from './sfv.js'

const GRAPHS = ['graphs/abc.onnx', 'graphs/.left.part']
const PACKAGES = ['packages/some-pictures-1.0.0.tgz']
const MODELS = ['models/owner/name/model_index.json', 'models/owner/name/unet/weights.safetensors']
/** SFV_CACHE may be a folder that holds other things, too. */
const OTHERS = ['models/mine/unet/config.json', 'graphs/notes.txt', 'packages/notes.txt', 'picture.png']

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-cache-'))
  vi.stubEnv('SFV_CACHE', folder)
  for (const path of [...GRAPHS, ...PACKAGES, ...MODELS, ...OTHERS]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), Buffer.alloc(500_000))
  }
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const there = (paths: readonly string[]) => paths.filter((path) => existsSync(join(folder, path)))

describe('sfv cache', () => {
  it('shows what is there, and removes nothing', async () => {
    const { code, stdout } = await inProcess(['cache'])
    expect([code, stdout.split('\n')[0]]).toEqual([0, folder])
    expect(stdout).toMatch(/graphs +1\.0 MB in 2 entries/)
    expect(stdout).toMatch(/packages +0\.5 MB in 1 entry/)
    expect(stdout).toMatch(/models +1\.0 MB in 1 entry/)
    expect(there([...GRAPHS, ...PACKAGES, ...MODELS, ...OTHERS])).toHaveLength(9)
  })

  it('clears what is made or fetched quickly, and models by name alone', async () => {
    expect((await inProcess(['cache', '--clear'])).stdout).toContain('removed 1.0 MB in 2 entries of graphs')
    expect(there([...GRAPHS, ...PACKAGES])).toEqual([])
    expect(there(MODELS)).toEqual(MODELS)
    const { stdout } = await inProcess(['cache', 'models', '--clear', '--json'])
    expect(JSON.parse(stdout)).toEqual({ folder, cleared: true, parts: [{ part: 'models', entries: 1, bytes: 1e6 }] })
    expect(there(MODELS)).toEqual([])
    expect(there(OTHERS)).toEqual(OTHERS)
  })

  it('of a folder that is not there is empty', async () => {
    vi.stubEnv('SFV_CACHE', join(folder, 'nothing'))
    const { code, stdout } = await inProcess(['cache', '--clear'])
    expect([code, stdout]).toEqual([0, expect.stringContaining('removed 0.0 MB in 0 entries of graphs')])
  })
})
