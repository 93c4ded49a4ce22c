import { forwardsOf, type Row } from './rows.js'

/** How far an evaluation is, in units of work of which one is about a forward pass of the UNet. */
export interface EvaluationProgress {
  /** What is being worked on. */
  readonly what: string
  readonly done: number
  readonly total: number
}

/** Adds up the work of an evaluation. */
export class Meter {
  /** Work in a clip besides its forward passes: encoding, decoding, features. */
  static readonly CLIP = 6
  readonly #total: number
  #done = 0

  /** `extra` are the clips of each row that other seeds make. */
  constructor(rows: readonly Row[], { clips, extra, timings }: { clips: number; extra: number; timings: number }) {
    const perClip = rows.reduce((sum, row) => sum + Meter.costOf(row), 0)
    this.#total = clips * (1 + Meter.CLIP) + (clips + extra + timings) * perClip
  }

  /** Work in a clip of a row. */
  static costOf(row: Row): number {
    return forwardsOf(row) + Meter.CLIP
  }

  /** Counts work that was done. */
  add(what: string, work: number): EvaluationProgress {
    this.#done += work
    return { what, done: this.#done, total: this.#total }
  }
}
