/** What a run tells while it goes. */
export type TrainEvent =
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
  | { readonly type: 'finished'; readonly step: number; readonly output?: string }
