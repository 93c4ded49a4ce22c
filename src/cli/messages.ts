import { UserError } from '../errors.js'

/** What is printed of an error: one sentence. */
export function messageOf(error: unknown): string {
  if (error instanceof UserError) return error.message
  const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
  return `${message} (this is a mistake in sfv; please report it with the command that you gave)`
}
