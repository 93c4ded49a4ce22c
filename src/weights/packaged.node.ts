import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder: src/weights, dist/weights and dist/bin lie equally deep. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url))

/** The model that comes with the package. */
export const BUNDLED_MODEL = join(PACKAGE, 'models', 'fluent')

/** What comes with the package and is known by name from anywhere. */
const COMES_ALONG = /^(models|recipes)[/\\]/

/**
 * Finds what comes with the package by its name in it, such as `models/fluent` or `recipes/finetune.json`, whatever the
 * folder `from` that paths are relative to. What lies there by that name comes first; other paths stay what they are.
 */
export function packaged(path: string, from = ''): string {
  const meant = isAbsolute(path) ? path : join(from, path)
  if (isAbsolute(path) || !COMES_ALONG.test(normalize(path)) || existsSync(meant)) return meant
  const own = join(PACKAGE, path)
  return existsSync(own) ? own : meant
}

/** The version of sfv. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }).version
}
