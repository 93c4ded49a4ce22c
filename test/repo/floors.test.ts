import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findFloorViolations, platformOf } from '../../scripts/floors.js'
import { floorsSvg } from '../../scripts/floors-svg.js'
import { readSources } from '../../scripts/sources.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

function messages(file: string, text: string): string[] {
  return findFloorViolations(new Map([[file, text]])).map(({ line, message }) => `${line}: ${message}`)
}

describe('floors', () => {
  it('hold over src/', () => {
    const sources = readSources(root)
    expect(sources.size).toBeGreaterThan(0)
    expect(findFloorViolations(sources)).toEqual([])
  })

  it('are those of the picture in docs/architecture.md (npm run floors draws it)', () => {
    expect(readFileSync(join(root, 'docs/floors.svg'), 'utf8')).toBe(floorsSvg())
  })

  it.each([
    ['src/models/unet.ts', "import { conv } from '../nn/conv.js'"],
    ['src/cli/main.ts', "import { load } from '../pipeline/load.node.js'"],
    ['src/weights/file.node.ts', "import { writeFileAtomic } from '../runtime/files.node.js'"],
    ['src/graph/tensor.ts', "import { UserError } from '../errors.js'"],
    [
      'src/graph/ops/conv.ts',
      "import { op } from '../op.js'\nimport type { InferenceSession } from 'onnxruntime-common'",
    ],
    ['src/runtime/engine.node.ts', "import ort from 'onnxruntime-node'\nimport { join } from 'path'"],
    ['src/runtime/engine.web.ts', "import ort from 'onnxruntime-web/webgpu'"],
    ['src/training/index.ts', "export { train } from './run.node.js'"],
    ['src/models/unet.ts', "// import { pull } from '../cli/pull.js'\nconst text = 'import x from \"node:fs\"'"],
  ])('let %s have %j', (file, text) => {
    expect(messages(file, text)).toEqual([])
  })

  it('forbid an import from a higher floor and name its line', () => {
    expect(messages('src/graph/tensor.ts', "\n\nimport { conv } from '../nn/conv.js'")).toEqual([
      '3: graph/ may not import up from nn/',
    ])
  })

  it('forbid imports between the folders of one floor, except on the lowest', () => {
    expect(messages('src/nn/conv.ts', "import { sigmas } from '../diffusion/karras.js'")).toEqual([
      '1: nn/ and diffusion/ share a floor: move what both need to a lower one',
    ])
    expect(messages('src/weights/file.ts', "import { noise } from '../runtime/random.js'")).toEqual([])
  })

  it.each([
    ['a static import', "import { readFileSync } from 'node:fs'", 'node:fs'],
    ['an unprefixed builtin', "import { promises } from 'fs/promises'", 'fs/promises'],
    ['a type import', "import type { Sharp } from 'sharp'", 'sharp'],
    ['a re-export', "export * from 'onnxruntime-node'", 'onnxruntime-node'],
    ['a dynamic import', "const ort = await import('onnxruntime-node')", 'onnxruntime-node'],
    [
      'a subpath of a scoped package',
      "import { serve } from '@hono/node-server/conninfo'",
      '@hono/node-server/conninfo',
    ],
    ['a Node file', "import { writeFileAtomic } from './files.node.js'", './files.node.js'],
  ])('keep %s that needs Node out of code for every platform', (_, text, specifier) => {
    expect(messages('src/runtime/program.ts', text)).toEqual([
      `1: ${specifier} needs Node: import it from a *.node.ts file`,
    ])
  })

  it('keep Node and the browser apart', () => {
    expect(messages('src/runtime/engine.web.ts', "import 'node:fs'")).toHaveLength(1)
    expect(messages('src/runtime/engine.node.ts', "import { open } from './engine.web.js'")).toEqual([
      '1: ./engine.web.js needs a browser: import it from a *.web.ts file',
    ])
  })

  it('keep platform files out of the folders that run everywhere', () => {
    expect(messages('src/models/unet.node.ts', '')).toEqual([
      '1: models/ runs on every platform; move platform code to runtime/, weights/, media/ or data/',
    ])
    expect(messages('src/pipeline/load.node.ts', "import 'node:fs'")).toEqual([])
  })

  it('know every folder and refuse imports of the package entries', () => {
    expect(messages('src/helpers/strings.ts', '')).toEqual(['1: helpers/ is on no floor; add it to scripts/floors.ts'])
    expect(messages('src/cli/main.ts', "import { ImageToVideo } from '../index.js'")).toEqual([
      '1: ../index.js is an entry of the package; import what it exports',
    ])
  })

  it('tell the platform by name and folder', () => {
    expect(['src/cli/main.ts', 'src/index.ts', 'src/web/app.ts', 'src/nn/conv.ts'].map(platformOf)).toEqual([
      'node',
      'node',
      'web',
      'any',
    ])
  })
})
