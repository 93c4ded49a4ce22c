import type { AnimateProgress, Stage } from '../pipeline/progress.js'
import type { JobProgress } from './job.js'

/** Where each stage begins and ends, in percent of a clip; roughly as long as they take in one forward. */
const SPANS: Readonly<Record<Stage, readonly [number, number]>> = {
  open: [0, 10],
  encode: [10, 25],
  denoise: [25, 70],
  decode: [70, 95],
}

/** How far a clip is after a report; it never goes back, also where networks are opened between the stages. */
export function percentOf(report: AnimateProgress, before: JobProgress): JobProgress {
  if (report.type !== 'stage') return before
  const [from, to] = SPANS[report.stage]
  const percent = Math.round(from + ((to - from) * report.done) / report.total)
  return { stage: report.stage, percent: Math.max(before.percent, percent) }
}
