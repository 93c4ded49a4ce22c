import { z } from 'zod'
import { UserError } from '../errors.js'
import { parseJsonObject } from './json.js'

/** The file beside model_index.json that lists a model's files for browsers, which can list no folder by themselves. */
export const MANIFEST = 'manifest.json'

const schema = z.strictObject({
  format: z.literal('sfv-manifest-1'),
  files: z.record(
    z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/),
    z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
})

/** Size and SHA-256 of each file of a model, by its path from the model's folder, with forward slashes. */
export type Manifest = z.infer<typeof schema>

/**
 * Reads a manifest.
 *
 * @param file its name, for messages
 * @throws UserError when it is not one.
 */
export function parseManifest(bytes: Uint8Array, file: string): Manifest {
  const result = schema.safeParse(parseJsonObject(bytes, file))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new UserError(`${file}: field ${issue.path.join('.')}: ${issue.message}; write it with \`sfv manifest\``)
}

/** SHA-256 in hexadecimal digits, by the Web Crypto that Node and browsers share. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
