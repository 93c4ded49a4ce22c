import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawMascotClips } from '../../scripts/mascot.js'
import { buildFolder } from '../../src/data/folder.node.js'
import { ClipStore, INDEX_FILE, type StoreIndex } from '../../src/data/store.node.js'
import { UserError } from '../../src/errors.js'

let folder: string
let index: StoreIndex
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-damaged-'))
  await drawMascotClips(join(folder, 'clips'), 1)
  const out = join(folder, 'store')
  index = await buildFolder({ folder: join(folder, 'clips'), out, size: { width: 16, height: 16 }, fps: 7, test: 0 })
})
afterAll(() => rm(folder, { recursive: true }))

describe('a clip store whose index and pixels do not belong together', () => {
  it.each([
    ['an offset inside of a frame', (clip: object) => ({ clips: [{ ...clip, offset: 3 }] })],
    [
      'sizes that cut frames',
      (clip: object, sizes: number[]) => ({ clips: [{ ...clip, sizes: sizes.map((n) => n - 3) }] }),
    ],
    ['a size past the end', (clip: object) => ({ clips: [{ ...clip, offset: 1e12 }] })],
    ['larger pictures', () => ({ width: 64 })],
    ['smaller pictures', () => ({ height: 8 })],
    ['a rate that is none', () => ({ fps: 0 })],
    ['no clips', () => ({ clips: 'none' })],
  ])('is said to be damaged: %s', async (_, change) => {
    const changed = { ...index, ...change(index.clips[0]!, index.clips[0]!.sizes) }
    await writeFile(join(folder, 'store', INDEX_FILE), JSON.stringify(changed))
    const read = async () => {
      const store = await ClipStore.open(join(folder, 'store'))
      return store.clip(0, 0, store.length(0)).finally(() => store.close())
    }
    await expect(read()).rejects.toThrow(UserError)
    await expect(read()).rejects.toThrow(/make it (again )?with `sfv data`$/)
  })
})
