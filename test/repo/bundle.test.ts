import { build, type BuildResult } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { platformOf } from '../../scripts/floors.js'
import { readSources } from '../../scripts/sources.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = ['graph', 'nn', 'diffusion', 'models', 'svd', 'pipeline']

/** Bundles the files for a browser, everything included, nothing written. */
function bundle(files: readonly string[]): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    stdin: { contents: files.map((file) => `export * from './${file}'`).join('\n'), resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
}

describe('browser bundle', () => {
  it('of the core needs nothing of Node', async () => {
    const files = [...readSources(root).keys()].filter(
      (file) => folders.includes(file.split('/')[1] ?? '') && platformOf(file) === 'any',
    )
    expect(files.length).toBeGreaterThan(0)

    const { metafile, outputFiles } = await bundle(files)
    const bundled = Object.keys(metafile.inputs)
    expect(bundled).toEqual(expect.arrayContaining(files))
    expect(bundled.filter((file) => platformOf(file) === 'node')).toEqual([])
    expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([])
    expect(outputFiles[0]?.text).not.toMatch(/\brequire\(["']|["']node:/)
  })

  it('fails where Node is needed', async () => {
    await expect(bundle(['src/runtime/files.node.ts'])).rejects.toThrow(/Could not resolve "node:/)
  })
})
