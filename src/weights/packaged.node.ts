import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder: src/weights, dist/weights and dist/bin lie equally deep. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url))

/** What comes with the package and is known by name from anywhere. */
const COMES_ALONG = /^(models|recipes)[/\\]/

/**
 * Finds what comes with the package by its name in it, such as `models/fluent` or `recipes/finetune.json`, wherever the command is
 * run. What lies there by that name comes first; other paths are left as they are.
 */
export function packaged(path: string): string {
  const name = normalize(path)
  if (isAbsolute(name) || !COMES_ALONG.test(name) || existsSync(path)) return path
  const own = join(PACKAGE, name)
  return existsSync(own) ? own : path
}

/** The version of sfv. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }).version
}
