/**
 * A mistake that the user can mend: a bad file, a wrong option, a full disk. The command line prints its message as one
 * line and exits with code 1; the message names the file, the field and the fix.
 */
export class UserError extends Error {
  override readonly name = 'UserError'
}
