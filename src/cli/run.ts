import { CommanderError } from 'commander'
import { sfvCommand } from './command.js'
import { Interruption } from './interrupt.js'
import { messageOf } from './messages.js'
import { UsageError } from './options.js'

/**
 * Runs the command line.
 *
 * @param args what follows the command's name
 * @returns the exit code: 0 done, 1 failed (one sentence on stderr), 2 wrong usage, 130 ended by Ctrl-C, 143 by SIGTERM
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await sfvCommand().parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // Commander has said what was wrong; help and version arrive here too, with the code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof Interruption) return error.exitCode
    if (isAbort(error)) return 130
    process.stderr.write(`sfv: ${messageOf(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
