import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { UserError } from '../errors.js'
import { STANDARD } from './output-names.js'

/** What makes a name a pattern. */
const WILDCARD = /[*?[\]{}]/

/**
 * Paths of pictures with patterns such as `*.png` replaced by what they match: shells of Windows leave that to the
 * command, and others do where a pattern is quoted. A name that there is a file of is taken as it is.
 *
 * @throws UserError when a pattern matches nothing.
 */
export async function expandPatterns(pictures: readonly string[]): Promise<string[]> {
  return (await Promise.all(pictures.map(expand))).flat()
}

async function expand(picture: string): Promise<string[]> {
  if (picture === STANDARD || !WILDCARD.test(picture) || (await exists(picture))) return [picture]
  const { glob } = await import('tinyglobby')
  // On Windows `\` stands between folders; elsewhere it takes the meaning from what comes after it.
  const pattern = process.platform === 'win32' ? picture.replaceAll('\\', '/') : picture
  const found = await glob(pattern, { absolute: isAbsolute(picture), expandDirectories: false })
  if (found.length === 0) throw new UserError(`no picture matches ${picture}; check the pattern and the folder`)
  return found.sort()
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
