/**
 * Runs work that must clean up behind itself when Ctrl-C is pressed: the first press aborts the signal, a second one ends
 * the process as ever. Further signals can be treated alike.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signals: readonly NodeJS.Signals[] = ['SIGINT'],
): Promise<T> {
  const stop = new AbortController()
  const onInterrupt = (signal: NodeJS.Signals) => stop.abort(signal)
  for (const signal of signals) process.once(signal, onInterrupt)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of signals) process.removeListener(signal, onInterrupt)
  }
}
