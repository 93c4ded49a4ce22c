import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Source texts by path, relative to the repository's root with forward slashes: `src/graph/tensor.ts`. */
export type Sources = ReadonlyMap<string, string>

/** Something wrong at one line of one file. `line` counts from 1. */
export interface Finding {
  file: string
  line: number
  message: string
}

/** Reads every TypeScript file under `root`/src, in the order of their paths. */
export function readSources(root: string): Sources {
  const paths = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => `src/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts'))
    .sort()
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

/** Prints findings as `file:line  message` and makes the process fail if there are any. */
export function report(what: string, findings: readonly Finding[]): void {
  for (const { file, line, message } of findings) console.error(`${file}:${line}  ${message}`)
  if (findings.length === 0) return
  console.error(`\n${what}: ${findings.length} ${findings.length === 1 ? 'problem' : 'problems'}`)
  process.exitCode = 1
}

/** The line, counted from 1, that holds the character at `offset`. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
