import { rmSync } from 'node:fs'

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

const unfinished = new Set<string>()
let guarded = false

/**
 * From now on a signal that ends the process removes the files that it is writing. For programs of which the process is
 * their own: a library does not decide what a signal means.
 */
export function removeUnfinishedOnSignals(): void {
  guarded = true
}

/** Writes a file that has another name until it is whole; see `removeUnfinishedOnSignals`. */
export async function whileUnfinished<T>(path: string, write: () => Promise<T>): Promise<T> {
  // Listeners make a signal wait for the event loop, so they are there only while something is being written.
  // They come first: those that listen once are no longer counted when their turn is over.
  if (guarded && unfinished.size === 0) for (const signal of SIGNALS) process.prependListener(signal, endProcess)
  unfinished.add(path)
  try {
    return await write()
  } finally {
    unfinished.delete(path)
    if (unfinished.size === 0) for (const signal of SIGNALS) process.removeListener(signal, endProcess)
  }
}

function endProcess(signal: NodeJS.Signals): void {
  // Whoever else listens ends the work in order, and thereby removes what is unfinished.
  if (process.listenerCount(signal) > 1) return
  for (const path of unfinished) rmSync(path, { force: true })
  process.removeListener(signal, endProcess)
  process.kill(process.pid, signal)
}
