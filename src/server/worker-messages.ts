import type { AnimateProgress } from '../pipeline/progress.js'
import type { Precision } from '../svd/device-traits.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import type { ClipFormat, ClipSettings } from './job.js'

/** What a worker process is started with. */
export interface WorkerOptions {
  readonly model: string
  readonly device: DeviceChoice
  readonly precision: Precision
  /** Threads of a network. */
  readonly threads: number
}

/** What a worker process is told. */
export type ToWorker =
  | { readonly type: 'open'; readonly options: WorkerOptions }
  | {
      readonly type: 'make'
      readonly picture: string
      readonly settings: ClipSettings
      readonly outputs: readonly { readonly format: ClipFormat; readonly path: string }[]
    }
  | { readonly type: 'cancel' }

/** What a worker process tells. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: AnimateProgress }
  /** `seconds` by stage; `memory` is the process' resident bytes. */
  | { readonly type: 'made'; readonly seconds: Readonly<Record<string, number>>; readonly memory: number }
  /** `isUsers` tells mistakes that a user can mend from ours. */
  | { readonly type: 'failed'; readonly message: string; readonly isUsers: boolean }
