import type { MemoryPlan } from './memory-plan.js'

/** The stages of a generation, in their order: open the networks, look at the picture, denoise, decode the frames. */
export type Stage = 'open' | 'encode' | 'denoise' | 'decode'

/**
 * What `animate` reports, after each part of the work: for each stage `done` rises to `total`, which stays the same.
 * Where memory is to be saved, networks are opened between the other stages.
 */
export type AnimateProgress =
  | {
      readonly type: 'stage'
      readonly stage: Stage
      readonly done: number
      readonly total: number
      /** Of a clip that is made link by link: which one, from 1, and of how many. The stages begin anew with each. */
      readonly link?: number
      readonly links?: number
    }
  | { readonly type: 'warning'; readonly message: string }
  /** How the clip is held in memory, before the work begins; small models take no account of it. */
  | { readonly type: 'memory'; readonly message: string; readonly plan: MemoryPlan }
