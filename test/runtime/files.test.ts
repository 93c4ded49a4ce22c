import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFolder } from '../../src/runtime/files.node.js'

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sfv-files-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('makeFolder', () => {
  it('makes what is missing, and tells the outermost', async () => {
    expect(await makeFolder(join(folder, 'a', 'b', 'c'))).toBe(join(folder, 'a'))
    expect(statSync(join(folder, 'a', 'b', 'c')).isDirectory()).toBe(true)
    expect(await makeFolder(join(folder, 'a', 'b', 'd'))).toBe(join(folder, 'a', 'b', 'd'))
    expect(await makeFolder(join(folder, 'a', 'b'))).toBeUndefined()
  })

  it('may be called by several at once', async () => {
    const wanted = Array.from({ length: 20 }, (_, i) => join(folder, 'many', 'x', `${i % 4}`))
    await Promise.all(wanted.map(makeFolder))
    expect(wanted.every((path) => statSync(path).isDirectory())).toBe(true)
  })

  it('goes through links to folders', async () => {
    symlinkSync(join(folder, 'a'), join(folder, 'link'))
    expect(await makeFolder(join(folder, 'link', 'e'))).toBe(join(folder, 'link', 'e'))
  })

  it('fails where a file or a link to nothing is in the way', async () => {
    writeFileSync(join(folder, 'file'), '')
    symlinkSync(join(folder, 'nothing'), join(folder, 'broken'))
    await expect(makeFolder(join(folder, 'file'))).rejects.toThrow(/EEXIST/)
    await expect(makeFolder(join(folder, 'file', 'deep', 'er'))).rejects.toThrow(/ENOTDIR/)
    await expect(makeFolder(join(folder, 'broken'))).rejects.toThrow(/EEXIST/)
  })

  // Node's own recursive mkdir never ends there.
  it.skipIf(!existsSync('/proc/self'))('ends below /proc, which takes no folders', async () => {
    await expect(makeFolder('/proc/sfv/deep')).rejects.toThrow(/ENOENT/)
  })
})
