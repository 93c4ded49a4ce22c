import { constants } from 'node:os'

/** Why work that a signal ended is not done. */
export class Interruption extends DOMException {
  /** What a shell shows of a process that such a signal ended. */
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`, 'AbortError')
    this.exitCode = 128 + constants.signals[signal]
  }
}

/**
 * Runs work that must clean up behind itself when it is told to end: the first signal aborts the work with an
 * `Interruption`, a second one ends the process as ever.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): Promise<T> {
  const stop = new AbortController()
  const onInterrupt = (signal: NodeJS.Signals) => stop.abort(new Interruption(signal))
  for (const signal of signals) process.once(signal, onInterrupt)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of signals) process.removeListener(signal, onInterrupt)
  }
}
