import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { UserError } from '../../src/errors.js'
import { Clip } from '../../src/media/clip.node.js'
import { checkOutput } from '../../src/media/output.node.js'
import { writeFilesAtomic } from '../../src/media/write-files.node.js'
import { emojiClip, newFolder } from './support.js'

let clip: Clip

beforeAll(async () => {
  clip = await emojiClip('fox', 16, 16, 3)
})

describe('checkOutput', () => {
  it.each([
    'a.mp4',
    'a.webm',
    'a.webp',
    'a.gif',
    'a.apng',
    'a.png',
    'A.GIF',
    'a-%03d.png',
    'frames/',
    'new/deep/a.mp4',
  ])('accepts %s and makes nothing', async (name) => {
    const folder = newFolder()
    await checkOutput(join(folder, '/') + name)
    expect(readdirSync(folder)).toEqual([])
  })

  it.each(['a.avi', 'a', '', 'a.mp4.txt', '.gif'])('refuses the name "%s" and lists what is known', async (name) => {
    const refused = checkOutput(name)
    await expect(refused).rejects.toBeInstanceOf(UserError)
    await expect(refused).rejects.toThrow(/none of \.mp4 \.webm \.webp \.gif \.apng; choose one of these, \.png for/)
  })

  it('refuses the name of a folder, and a file in the place of one', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'taken.gif'))
    writeFileSync(join(folder, 'file'), '')
    await expect(checkOutput(join(folder, 'taken.gif'))).rejects.toThrow(/there is a folder of this name/)
    await expect(checkOutput(join(folder, 'file', 'a.gif'))).rejects.toThrow(
      /file is not a folder; choose a name in one/,
    )
    await expect(checkOutput(join(folder, 'file', 'deep', '/'))).rejects.toThrow(/file is not a folder/)
  })
})

describe('Clip.save', () => {
  it.each([
    ['fox.png', ['fox-00.png', 'fox-01.png', 'fox-02.png']],
    ['fox-%d.png', ['fox-0.png', 'fox-1.png', 'fox-2.png']],
    ['%03d.png', ['000.png', '001.png', '002.png']],
    ['fox/', ['frame-00.png', 'frame-01.png', 'frame-02.png']],
  ])('names the frames of %s', async (name, expected) => {
    const folder = newFolder()
    const files = await clip.save(join(folder, '/') + name)
    expect(files.map((file) => basename(file))).toEqual(expected)
    expect(readdirSync(name.endsWith('/') ? join(folder, name) : folder).sort()).toEqual(expected)
  })

  it('keeps the plain name for a single picture', async () => {
    const path = join(newFolder(), 'still.png')
    expect(await (await emojiClip('fox', 16, 16, 1)).save(path)).toEqual([path])
    expect(existsSync(path)).toBe(true)
  })

  it('makes the folders it needs and replaces an older file', async () => {
    const path = join(newFolder(), 'new', 'deep', 'fox.gif')
    await clip.save(path)
    const first = readFileSync(path)
    await (await emojiClip('fire', 16, 16, 3)).save(path)
    expect(readFileSync(path).equals(first)).toBe(false)
    expect(readdirSync(join(path, '..'))).toEqual(['fox.gif'])
  })

  it('says no comment where there is no metadata', async () => {
    const bare = new Clip({ ...clip, metadata: {} })
    for (const extension of ['gif', 'webp', 'apng', 'webm', 'mp4']) {
      const [path = ''] = await bare.save(join(newFolder(), `fox.${extension}`))
      expect(readFileSync(path).toString('latin1')).not.toMatch(/Comment|COMMENT|dc:description|\x21\xfe.\{|©cmt/s)
    }
  })

  it.each(['mp4', 'webm', 'webp', 'gif', 'apng', 'png'])(
    'leaves nothing behind when %s is stopped',
    async (extension) => {
      const folder = newFolder()
      const controller = new AbortController()
      const check = vi.spyOn(controller.signal, 'throwIfAborted')
      // The first look comes before any work, the second while the frames are encoded.
      check.mockImplementation(() => {
        if (check.mock.calls.length === 2) controller.abort()
        if (controller.signal.aborted) throw controller.signal.reason
      })
      await expect(clip.save(join(folder, `fox.${extension}`), controller)).rejects.toThrow(/aborted/)
      expect(readdirSync(folder)).toEqual([])
    },
  )
})

describe('Clip', () => {
  it.each([
    [{ fps: 0 }, /fps is 0; give a rate from 0\.1 to 240/],
    [{ fps: NaN }, /fps is NaN/],
    [{ fps: 241 }, /fps is 241/],
    [{ frames: { width: 4, height: 2, count: 0, data: new Uint8Array(0) } }, /0 pictures of 4x2; give at least one/],
    [{ frames: { width: 4, height: 2, count: 2, data: new Uint8Array(7) } }, /7 bytes where 2 pictures of 4x2 have 48/],
  ])('refuses %j', (wrong, message) => {
    const make = () => new Clip({ ...clip, ...wrong })
    expect(make).toThrow(UserError)
    expect(make).toThrow(message)
  })
})

describe('writeFilesAtomic', () => {
  it('writes none of the files when one cannot be written', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'file'), '')
    const files = new Map([
      [join(folder, 'a'), Uint8Array.of(1)],
      [join(folder, 'file', 'b'), Uint8Array.of(2)],
    ])
    await expect(writeFilesAtomic(files)).rejects.toThrow(/^cannot write .*b: .*choose a folder you may write to$/)
    expect(readdirSync(folder)).toEqual(['file'])
  })

  it('removes what waits beside when one cannot be put into its place', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'taken', 'full'), { recursive: true })
    const files = new Map([[join(folder, 'taken'), Uint8Array.of(1)]])
    await expect(writeFilesAtomic(files)).rejects.toBeInstanceOf(UserError)
    expect(readdirSync(folder)).toEqual(['taken'])
  })
})
