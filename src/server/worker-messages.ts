import type { AnimateProgress } from '../pipeline/progress.js'
import type { Precision } from '../svd/device-traits.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import type { Made } from './executor.js'
import type { Execution } from './job.js'

/** What a worker process is started with. */
export interface WorkerOptions {
  readonly model: string
  /** Where pictures and clips lie: a folder, or `s3://BUCKET/PREFIX`. */
  readonly storage: string
  readonly device: DeviceChoice
  readonly precision: Precision
  /** Threads of a network. */
  readonly threads: number
}

/** What a worker process is told. */
export type ToWorker =
  | { readonly type: 'open'; readonly options: WorkerOptions }
  | { readonly type: 'make'; readonly execution: Execution }
  | { readonly type: 'cancel' }

/** What a worker process tells. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: AnimateProgress }
  | { readonly type: 'made'; readonly made: Made }
  /** `isUsers` tells mistakes that a user can mend from ours. */
  | { readonly type: 'failed'; readonly message: string; readonly isUsers: boolean }
