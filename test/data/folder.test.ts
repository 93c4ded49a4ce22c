import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { listClips } from '../../src/data/clip-files.node.js'
import { buildFolder } from '../../src/data/folder.node.js'
import { ClipStoreWriter } from '../../src/data/store-writer.node.js'
import { ClipStore } from '../../src/data/store.node.js'
import type { BuildProgress } from '../../src/data/build.node.js'
import type { ClipFrame } from '../../src/media/clip-frame.js'

const SIZE = { width: 16, height: 16 }
const folders: string[] = []
let png: Buffer

beforeAll(async () => {
  png = await sharp({ create: { ...SIZE, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
})

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sfv-folder-')))
  folders.push(folder)
  return folder
}

/** Makes files, by their paths in a folder. */
function fill(folder: string, ...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), png)
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await listClips(folder)).clips.map(({ name }) => name)
}

describe('the clips of a folder', () => {
  it('are found through links to files and to folders, as hub snapshots are made of them', async () => {
    const folder = newFolder()
    fill(folder, 'blobs/aa11', 'blobs/more/b.png', 'blobs/c.png')
    mkdirSync(join(folder, 'snapshot'))
    symlinkSync('../blobs/aa11', join(folder, 'snapshot/a.png'))
    symlinkSync('../blobs/more', join(folder, 'snapshot/more'))
    symlinkSync(join(folder, 'blobs/c.png'), join(folder, 'snapshot/c.png'))
    symlinkSync('snapshot', join(folder, 'link'))
    expect(await namesIn(join(folder, 'snapshot'))).toEqual(['a.png', 'c.png', 'more/b.png'])
    expect(await namesIn(join(folder, 'link'))).toEqual(['a.png', 'c.png', 'more/b.png'])
  })

  it('are taken once, and everything that is left out is named with its reason', async () => {
    const folder = newFolder()
    fill(folder, 'a.png', 'deep/b.PNG', 'notes.txt', '.hidden/c.png', '.DS_Store')
    symlinkSync('a.png', join(folder, 'again.png'))
    symlinkSync('..', join(folder, 'deep/around'))
    symlinkSync('nowhere.png', join(folder, 'lost.png'))
    symlinkSync('itself.png', join(folder, 'itself.png'))
    execFileSync('bash', ['-c', `mkfifo ${join(folder, 'pipe.png')}`])
    const { clips, passedOver } = await listClips(folder)
    expect(clips.map(({ name }) => name)).toEqual(['a.png', 'deep/b.PNG'])
    expect(
      Object.fromEntries(passedOver.map(({ name, reason }) => [name, reason.slice(reason.indexOf(': ') + 2)])),
    ).toEqual({
      '.DS_Store': 'its name begins with a dot',
      '.hidden': 'its name begins with a dot',
      'again.png': 'it is a.png under another name',
      'deep/around': 'it is the folder itself under another name',
      'itself.png': 'it is a link that leads nowhere',
      'lost.png': 'it is a link that leads nowhere',
      'notes.txt': 'its name ends like no clip or picture',
      'pipe.png': 'it is neither a file nor a folder',
    })
  })

  it('never lose or repeat a file, however links lie', async () => {
    const place = fc.integer({ min: 0, max: 3 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, place), { maxLength: 8 }), async (links) => {
        const folder = newFolder()
        fill(folder, 'd0/a.png', 'd1/b.png', 'd2/in/c.png', 'd3/d.png', 'd3/e.png')
        for (const [i, [from, to]] of links.entries()) symlinkSync(`../d${to}`, join(folder, `d${from}`, `link${i}`))
        const { clips, passedOver } = await listClips(folder)
        expect(clips.map(({ path }) => realpathSync(path)).sort()).toEqual(
          ['d0/a.png', 'd1/b.png', 'd2/in/c.png', 'd3/d.png', 'd3/e.png'].map((name) => join(folder, name)),
        )
        expect(passedOver.every(({ reason }) => reason.endsWith('under another name'))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('may be folders of numbered frames; pictures of other names are stills', async () => {
    const folder = newFolder()
    fill(folder, 'walk/frame-00.png', 'walk/frame-01.png', 'walk/frame-02.png', 'walk/poster.png')
    fill(folder, 'stills/img-1.png', 'stills/img-2.png', 'gap/frame-00.png', 'gap/frame-02.png')
    expect(await namesIn(folder)).toEqual([
      ...['gap/frame-00.png', 'gap/frame-02.png', 'stills/img-1.png', 'stills/img-2.png', 'walk', 'walk/poster.png'],
    ])
    await buildFolder({ folder: join(folder, 'walk'), out: join(folder, 'store'), size: SIZE, fps: 7 })
    const store = await ClipStore.open(join(folder, 'store'), ['train', 'test'])
    expect(store.clips.map(({ name, sizes }) => [name, sizes.length])).toEqual([
      ['frames', 14],
      ['poster.png', 1],
    ])
    await store.close()
  })

  it('become a store without those that cannot be read; all are counted', async () => {
    const folder = newFolder()
    fill(folder, 'good.png', 'words.doc')
    writeFileSync(join(folder, 'broken.png'), png.subarray(0, 60))
    cpSync(join(folder, 'good.png'), join(folder, 'copy.png'))
    linkSync(join(folder, 'good.png'), join(folder, 'hard.png'))
    const told: BuildProgress[] = []
    const out = join(folder, 'store')
    await buildFolder({ folder, out, size: SIZE, fps: 7, onProgress: (progress) => told.push(progress) })
    expect(told.filter(({ type }) => type === 'skip').map(({ name }) => name)).toEqual(['words.doc', 'broken.png'])
    const store = await ClipStore.open(out, ['train', 'test'])
    expect(store.clips.map(({ name }) => name).sort()).toEqual(['copy.png', 'good.png', 'hard.png'])
    await store.close()
    rmSync(join(folder, 'good.png'))
    for (const name of ['copy.png', 'hard.png']) rmSync(join(folder, name))
    const none = join(folder, 'new', 'deep')
    await expect(buildFolder({ folder, out: none, size: SIZE, fps: 7 })).rejects.toThrow(/no clip .* could be read/)
    expect(readdirSync(folder)).not.toContain('new')
  })
})

describe('a store', () => {
  const drawn = new Map<string, Uint8Array>()

  /** Pictures of noise, which no compression makes smaller; the same again for the same seed. */
  async function* noise(seed: number, count: number, breakAt = Infinity): AsyncGenerator<ClipFrame> {
    for (let i = 0; i < count; i++) {
      if (i >= breakAt) throw new Error('the file ends here')
      const data = drawn.get(`${seed} ${i}`) ?? new Uint8Array(randomBytes(64 * 64 * 3))
      drawn.set(`${seed} ${i}`, data)
      const alpha = new Uint8Array(64 * 64).fill(i)
      yield { width: 64, height: 64, data, ...(seed % 2 === 0 && i % 3 > 0 ? { alpha } : {}) }
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('holds clips of any length that are packed at the same time, and nothing of those that fail', async () => {
    const folder = newFolder()
    const writer = await ClipStoreWriter.create(folder, { width: 64, height: 64 }, 7)
    // The second is longer than what may wait in memory: 3,000 pictures of 12 KB.
    const lengths = [3, 3000, 40, 17]
    const add = (seed: number, breakAt?: number) =>
      writer.add({
        ...{ name: `${seed}`, figure: `${seed}`, split: 'train' },
        pictures: noise(seed, lengths[seed % 4]!, breakAt),
      })
    const [broken, ...others] = await Promise.allSettled([add(5, 2990), ...[0, 1, 2, 3].map((seed) => add(seed))])
    expect(broken).toMatchObject({ status: 'rejected', reason: { message: 'the file ends here' } })
    expect(others.every(({ status }) => status === 'fulfilled')).toBe(true)
    const index = await writer.finish()
    expect(index.clips.map(({ name, sizes }) => [name, sizes.length])).toEqual(lengths.map((n, i) => [`${i}`, n]))
    const store = await ClipStore.open(folder)
    for (const [clip, length] of lengths.entries()) {
      let at = 0
      for await (const { data, alpha } of noise(clip, length)) {
        if (at % 100 < 2) {
          expect(Buffer.from((await store.clip(clip, at, 1)).data).equals(data)).toBe(true)
          const onBlack = (await store.clip(clip, at, 1, [0, 0, 0])).data
          const through = 255 - (alpha?.[0] ?? 255)
          expect(Math.abs(onBlack[0]! - Math.max(0, data[0]! - through))).toBeLessThanOrEqual(1)
        }
        at++
      }
    }
    await store.close()
  })
})
