import { CommanderError } from 'commander'
import { UserError } from '../errors.js'
import { sfvCommand } from './command.js'
import { UsageError } from './options.js'

/**
 * Runs the command line.
 *
 * @param args what follows the command's name
 * @returns the exit code: 0 done, 1 failed (one sentence on stderr), 2 wrong usage, 130 ended by Ctrl-C
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await sfvCommand().parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has said what was wrong; help and version arrive here too, with the code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (isAbort(error)) return 130
    process.stderr.write(`sfv: ${messageOf(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

function messageOf(error: unknown): string {
  if (error instanceof UserError) return error.message
  const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
  return `${message} (this is a mistake in sfv; please report it with the command that you gave)`
}
