import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import type { DeviceChoice } from '../runtime/device-names.js'
import { deviceOption, modelOption, whole } from './options.js'

/** The options of commands that make clips for others until they are told to end. */
export interface ServerOptions {
  readonly model: string
  readonly concurrency: number
  readonly timeLimit: number
  readonly grace: number
  readonly device: DeviceChoice
}

/** Adds them to a command, whose name the help calls it by. */
export function withServerOptions(command: Command): Command {
  return command
    .addOption(modelOption())
    .option('--concurrency <n>', 'clips at a time, each in a process of its own', whole('--concurrency', 1, 64), 1)
    .option('--time-limit <s>', 'seconds that a clip may take', whole('--time-limit', 1, 86_400), 600)
    .option(
      '--grace <s>',
      `seconds that what runs may take when sfv ${command.name()} is ended`,
      whole('--grace', 0, 3600),
      30,
    )
    .addOption(deviceOption())
}

/** The processor's threads that each of the processes gets. */
export function threadsOfEach({ concurrency }: ServerOptions): number {
  return Math.max(1, Math.floor(availableParallelism() / concurrency))
}

/**
 * Waits for Ctrl-C or SIGTERM, then ends what runs within the seconds of `--grace`.
 *
 * @param hello is printed once both are heeded
 */
export async function runUntilTold(
  running: { close(grace: number): Promise<void> },
  grace: number,
  hello: string,
): Promise<void> {
  const told = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  process.stderr.write(`${hello}\n`)
  await told
  process.stderr.write(`ending: what runs may take ${grace} s more\n`)
  await running.close(grace)
}
