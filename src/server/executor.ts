import type { AnimateProgress } from '../pipeline/progress.js'
import type { Execution } from './job.js'

/** How an execution is watched and ended. */
export interface Watch {
  readonly signal: AbortSignal
  readonly onProgress: (progress: AnimateProgress) => void
  /** Is told when the work itself begins. */
  readonly onStart: () => void
}

/** Makes clips somewhere else than in the process that answers HTTP. */
export interface Executor {
  /** Executions at a time. */
  readonly capacity: number
  /** Whether clips can be made now. */
  isReady(): boolean
  /**
   * Makes a clip, and returns when its files are in the data folder.
   *
   * @throws UserError when it cannot be made, `WorkerDied` when its worker died, the signal's reason when it was
   *   aborted.
   */
  execute(execution: Execution, watch: Watch): Promise<void>
  /** Ends what runs at once. */
  close(): Promise<void>
}

/** A worker ended while it made a clip: killed, out of memory, or crashed in native code. */
export class WorkerDied extends Error {
  override readonly name = 'WorkerDied'

  /** @param deaths how many workers died of it, one after another */
  constructor(
    message: string,
    readonly deaths = 1,
  ) {
    super(message)
  }
}
