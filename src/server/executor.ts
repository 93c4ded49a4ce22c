import type { AnimateProgress } from '../pipeline/progress.js'
import type { Execution } from './job.js'

/** What making a clip took. */
export interface Made {
  /** Seconds by stage. */
  readonly seconds: Readonly<Record<string, number>>
  /** Resident bytes of the process that made it. */
  readonly memory: number
}

/** How an execution is watched and ended. */
export interface Watch {
  readonly signal: AbortSignal
  readonly onProgress: (progress: AnimateProgress) => void
  /** Is told when the work itself begins. */
  readonly onStart: () => void
}

/** Why an execution is aborted whose clip nobody wants any longer. */
export const CANCELED = Symbol('canceled')

/** Makes clips somewhere else than in the process that answers HTTP. */
export interface Executor {
  /** Executions at a time. */
  readonly capacity: number
  /** Whether what runs goes on when this process ends. */
  readonly goesOn: boolean
  /** Whether clips can be made now. */
  isReady(): boolean
  /**
   * Makes a clip, and returns when its files are in the storage.
   *
   * @returns what it took; undefined when it was there already.
   * @throws UserError when it cannot be made, `WorkerDied` when its worker died, the signal's reason when it was
   *   aborted.
   */
  execute(execution: Execution, watch: Watch): Promise<Made | undefined>
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
