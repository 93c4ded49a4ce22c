/**
 * Runs work that must clean up behind itself when it is told to end: the first signal aborts the work, a second one ends the
 * process as ever.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): Promise<T> {
  const stop = new AbortController()
  const onInterrupt = () => stop.abort()
  for (const signal of signals) process.once(signal, onInterrupt)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of signals) process.removeListener(signal, onInterrupt)
  }
}
