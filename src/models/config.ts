import type { z } from 'zod'
import { UserError } from '../errors.js'

function configError(file: string, field: string, problem: string): UserError {
  return new UserError(`${file}: field ${field} ${problem}`)
}

/**
 * Reads a component's configuration: every field is known to the schema or refused by name; fields that start with `_`
 * and those in `ignored` are notes of the library that wrote the file.
 *
 * @throws UserError naming the file, the field and what is wrong with it.
 */
export function parseConfig<T>(
  schema: z.ZodType<T>,
  json: unknown,
  className: string,
  file: string,
  ignored: readonly string[] = [],
): T {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UserError(`${file}: is not a JSON object; expected the configuration of ${className}`)
  const written = '_class_name' in json ? json._class_name : className
  if (written !== className) throw configError(file, '_class_name', `is ${String(written)}; expected ${className}`)
  const fields = Object.entries(json).filter(([name]) => !name.startsWith('_') && !ignored.includes(name))
  const result = schema.safeParse(Object.fromEntries(fields))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys')
    throw configError(file, issue.keys.join(', '), `is not one that ${className} here supports; remove it`)
  throw configError(file, issue.path.join('.'), `is not valid: ${issue.message}`)
}

parseConfig.error = configError

/** One value per block, from one value for all or a list. */
export function perBlock(
  value: number | readonly number[],
  blocks: number,
  file: string,
  field: string,
): readonly number[] {
  const list = typeof value === 'number' ? Array<number>(blocks).fill(value) : value
  if (list.length !== blocks) throw configError(file, field, `has ${list.length} entries for ${blocks} blocks`)
  return list
}
