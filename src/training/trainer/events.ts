/** What a run tells while it goes. */
export type TrainEvent =
  /** What is done now, before the first step. */
  | { readonly type: 'stage'; readonly stage: 'plan' | 'open' }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'started'
      readonly step: number
      readonly steps: number
      /** Clips (or figures) that a step sees, over all processes. */
      readonly clipsPerStep: number
      readonly processes: number
      /** What the recipe has changed since the run was begun: `field: before -> after`. */
      readonly changes: readonly string[]
    }
  | {
      readonly type: 'step'
      readonly step: number
      readonly seconds: number
      readonly metrics: Readonly<Record<string, number>>
    }
  | { readonly type: 'saved'; readonly step: number }
  | { readonly type: 'sampled'; readonly file: string }
  | {
      readonly type: 'finished'
      readonly step: number
      /** The model folder that was written; absent where the run was stopped. */
      readonly output?: string
      /** Networks that the output lacks to be a model that can be opened. */
      readonly missing?: readonly string[]
    }
