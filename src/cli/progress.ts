import type { AnimateProgress, Stage } from '../pipeline/progress.js'

/** One line at the bottom of a terminal that is written over; elsewhere it stays silent. */
export class StatusLine {
  constructor(private readonly stderr: NodeJS.WriteStream = process.stderr) {}

  /** Whether there is a terminal, on which `show` shows something. */
  get live(): boolean {
    return this.stderr.isTTY === true
  }

  /** Shows `text` in place of what was there, cut to the terminal's width. */
  show(text: string): void {
    if (this.stderr.isTTY) this.stderr.write(`\r\x1b[K${text.slice(0, this.stderr.columns - 1)}`)
  }

  /** Leaves a line of its own, terminal or not. */
  note(text: string): void {
    this.clear()
    this.stderr.write(`${text}\n`)
  }

  /** Takes the line away. */
  clear(): void {
    if (this.stderr.isTTY) this.stderr.write('\r\x1b[K')
  }
}

/** The stages of the command: those of a generation, and saving. */
export type CommandStage = Stage | 'save'

const WORDS: Readonly<Record<CommandStage, string>> = {
  open: 'opening the model',
  encode: 'looking at the picture',
  denoise: 'denoising',
  decode: 'decoding',
  save: 'saving',
}

/** Shows and times the stages of `sfv animate`. */
export class StageMeter {
  /** Milliseconds spent in each stage. */
  readonly timings: Partial<Record<CommandStage, number>> = {}
  #last = performance.now()

  constructor(private readonly line: StatusLine) {}

  /** Takes what `ImageToVideo.animate` reports. */
  readonly report = (progress: AnimateProgress): void => {
    if (progress.type !== 'stage') this.line.note(`sfv: ${progress.message}`)
    else {
      const { stage, done, total, link, links } = progress
      this.at(stage, done, total, links === undefined ? '' : `clip ${link} of ${links}: `)
    }
  }

  /** Counts the time since the last call to `stage`. */
  at(stage: CommandStage, done: number, total: number, before = ''): void {
    const now = performance.now()
    this.timings[stage] = (this.timings[stage] ?? 0) + now - this.#last
    this.#last = now
    this.line.show(`${before}${total > 1 ? `${WORDS[stage]} ${done}/${total}` : WORDS[stage]}`)
  }
}
