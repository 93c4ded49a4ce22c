/**
 * Processes that work on one thing together, each with data of its own. All of them make the same calls in the same
 * order.
 */
export interface Group {
  /** This process's number, from 0; the first one writes what there is to write. */
  readonly rank: number
  readonly size: number
  /** Replaces values by their mean over all processes; every process gets the same bits. */
  average(values: Float32Array): Promise<void>
  /** Replaces values by those of the first process. */
  broadcast(values: Float32Array): Promise<void>
}

/** A process by itself. */
export const alone: Group = {
  rank: 0,
  size: 1,
  average: () => Promise.resolve(),
  broadcast: () => Promise.resolve(),
}
