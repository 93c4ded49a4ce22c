import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'
import { lineAt, type Finding, type Sources } from './sources.js'

/** The floors of CONTRIBUTING.md, lowest first. Code may import its own folder and the floors below. */
export const FLOORS = [
  ['runtime', 'weights', 'media', 'data', 'report'],
  ['graph'],
  ['nn', 'diffusion'],
  ['models'],
  ['svd'],
  ['pipeline', 'training'],
  ['evaluation'],
  ['server'],
  ['cli', 'web'],
] as const

/** Folders that run the same everywhere: their platform code would belong on the lowest floor. */
const PURE_FOLDERS = new Set(['graph', 'nn', 'diffusion', 'models'])

/** Packages that exist on one platform alone. Node's own modules are known without a list. */
const PLATFORM_PACKAGES = new Map<string, Platform>([
  ['@hono/node-server', 'node'],
  ['@mediabunny/server', 'node'],
  ['bullmq', 'node'],
  ['commander', 'node'],
  ['ioredis', 'node'],
  ['koffi', 'node'],
  ['onnxruntime-node', 'node'],
  ['prom-client', 'node'],
  ['sharp', 'node'],
  ['onnxruntime-web', 'web'],
])

/** What the package offers to Node alone: `exports` of package.json has them. */
const NODE_ENTRIES = new Set(['src/index.ts', 'src/graph.ts', 'src/training/index.ts', 'src/evaluation/index.ts'])

/** `any` code runs in Node and in the browser. */
export type Platform = 'node' | 'web' | 'any'

/** Where a source file runs, told by its name (`*.node.ts`, `*.web.ts`) or by its folder. */
export function platformOf(file: string): Platform {
  const folder = folderOf(file)
  if (file.endsWith('.node.ts') || folder === 'cli' || folder === 'server' || NODE_ENTRIES.has(file)) return 'node'
  if (file.endsWith('.web.ts') || folder === 'web' || file === 'src/web.ts') return 'web'
  return 'any'
}

/** Every import, re-export and dynamic import that breaks a floor, in the order of files and lines. */
export function findFloorViolations(sources: Sources): Finding[] {
  const findings: Finding[] = []
  for (const [file, text] of sources) {
    const misplaced = placement(file)
    if (misplaced !== undefined) findings.push({ file, line: 1, message: misplaced })
    for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
      const message = fileName.startsWith('.') ? localImport(file, fileName) : packageImport(file, fileName)
      if (message !== undefined) findings.push({ file, line: lineAt(text, pos), message })
    }
  }
  return findings
}

function placement(file: string): string | undefined {
  const folder = folderOf(file)
  if (folder !== undefined && floorOf(folder) === -1) return `${folder}/ is on no floor; add it to scripts/floors.ts`
  if (folder !== undefined && PURE_FOLDERS.has(folder) && platformOf(file) !== 'any') {
    return `${folder}/ runs on every platform; move platform code to runtime/, weights/, media/ or data/`
  }
  return undefined
}

function packageImport(file: string, specifier: string): string | undefined {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const needs = isBuiltin(specifier) ? 'node' : (PLATFORM_PACKAGES.get(name) ?? 'any')
  return platformConflict(file, specifier, needs)
}

function localImport(file: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
  const conflict = platformConflict(file, specifier, platformOf(target))
  if (conflict !== undefined) return conflict

  const [from, to] = [folderOf(file), folderOf(target)]
  if (from === undefined || from === to) return undefined
  if (to === undefined) {
    return target === 'src/errors.ts' ? undefined : `${specifier} is an entry of the package; import what it exports`
  }
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)]
  if (toFloor < fromFloor || (toFloor === 0 && fromFloor === 0)) return undefined
  if (toFloor === fromFloor) return `${from}/ and ${to}/ share a floor: move what both need to a lower one`
  return `${from}/ may not import up from ${to}/`
}

function platformConflict(file: string, specifier: string, needs: Platform): string | undefined {
  const runs = platformOf(file)
  if (needs === 'any' || needs === runs) return undefined
  const [platform, suffix] = needs === 'node' ? ['Node', '*.node.ts'] : ['a browser', '*.web.ts']
  return `${specifier} needs ${platform}: import it from a ${suffix} file`
}

/** The folder right under src/, or undefined for a file that lies in src/ itself. */
function folderOf(file: string): string | undefined {
  const parts = file.split('/')
  return parts.length > 2 ? parts[1] : undefined
}

function floorOf(folder: string): number {
  return FLOORS.findIndex((folders) => (folders as readonly string[]).includes(folder))
}
