import { type Frames } from '../media/frames.js'
import { type Learner } from './learner.js'

/** A clip that shows the state of a run. */
export interface Sample {
  /** What it is of. */
  readonly name: string
  /** The clip of the data that it should look like, of the same length. */
  readonly reference?: Frames
  readonly frames: Frames
}

/** What a training run needs of an objective. Batches follow from (seed, step) alone, so a run can stop anywhere. */
export interface Task {
  /** Networks being trained, by the name that their state is saved under. */
  readonly learners: Readonly<Record<string, Learner>>
  /** Names of the clips that were drawn for batches; the run empties it before each step. */
  readonly drawn: string[]
  /** Pictures per second of the data, and so of the samples. */
  readonly fps: number
  /** Takes step `step` (from 1) and returns numbers for the log, this process's own. */
  step(step: number): Promise<Record<string, number>>
  /** Clips that show the state of the run; all of one size and length, or pictures of one frame. */
  sample(): Promise<readonly Sample[]>
  /** Writes the finished component into the recipe's output folder. */
  export(): Promise<void>
  /** Frees graphs and files. */
  close(): Promise<void>
}
