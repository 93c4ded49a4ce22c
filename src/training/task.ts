import { type Frames } from '../media/frames.js'
import { type Learner } from './learner.js'

/** What a training run needs of an objective. Batches follow from (seed, step) alone, so a run can stop anywhere. */
export interface Task {
  /** Networks being trained, by the name that their state is saved under. */
  readonly learners: Readonly<Record<string, Learner>>
  /** Takes step `step` (from 1) and returns numbers for the log. */
  step(step: number): Promise<Record<string, number>>
  /** Rows of pictures that show the state of the run, each a clip. */
  sample(): Promise<readonly Frames[]>
  /** Writes the finished component into the recipe's output folder. */
  export(): Promise<void>
  /** Frees graphs and files. */
  close(): Promise<void>
}
