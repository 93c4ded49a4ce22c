import type { TrainEvent } from '../training/trainer/events.js'
import type { StatusLine } from './progress.js'

/** Milliseconds between the lines that are left standing, where there is no terminal and where there is one. */
const [LINE_EVERY, LINE_EVERY_ON_TERMINAL] = [10_000, 60_000]
/** Weight of the past in the running means that are shown. */
const INERTIA = 0.95

/** What the log calls a number, and what the paper does. */
const NAMES: Readonly<Record<string, string>> = {
  realLogit: 'D(real)',
  fakeLogit: 'D(fake)',
  r1: 'R1',
  gradientNorm: '|gradient|',
  headsGradientNorm: '|gradient of heads|',
}

const STAGES = { plan: 'working out what it takes', open: 'opening the networks' } as const

/** Shows how a training run goes: running means of the metrics, its speed, and how long it will take. */
export class TrainMeter {
  #means: Record<string, number> = {}
  #steps = 0
  #clipsPerStep = 1
  #lastLine = -Infinity

  constructor(
    private readonly line: StatusLine,
    private readonly folder: string,
    /** Milliseconds, from any beginning. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes the events of a run. */
  readonly report = (event: TrainEvent): void => {
    switch (event.type) {
      case 'stage':
        return this.line.note(`${this.folder}: ${STAGES[event.stage]}`)
      case 'warning':
        return this.line.note(`sfv: ${event.message}`)
      case 'started':
        this.#steps = event.steps
        this.#clipsPerStep = event.clipsPerStep
        for (const change of event.changes) this.line.note(`${this.folder}: the recipe has changed, ${change}`)
        return this.line.note(
          `${this.folder}: from step ${event.step} to ${event.steps}` +
            (event.processes > 1 ? `, ${event.processes} processes` : ''),
        )
      case 'step':
        return this.step(event)
      case 'saved':
        return undefined
      case 'sampled':
        return this.line.note(`samples: ${event.file}`)
      case 'finished':
        return this.line.note(ending(event))
    }
  }

  private step({ step, seconds, metrics }: Extract<TrainEvent, { type: 'step' }>): void {
    const now: Record<string, number> = { ...metrics, seconds }
    this.#means = Object.fromEntries(
      Object.entries(now).map(([name, value]) => [
        name,
        INERTIA * (this.#means[name] ?? value) + (1 - INERTIA) * value,
      ]),
    )
    const { seconds: perStep, ...rest } = this.#means
    const numbers = Object.entries(rest).map(([name, value]) => `${NAMES[name] ?? name} ${value.toPrecision(4)}`)
    const text = [
      `${step}/${this.#steps}`,
      `${duration((this.#steps - step) * perStep!)} left`,
      `${(this.#clipsPerStep / perStep!).toPrecision(3)} clips/s`,
      ...numbers,
    ].join('  ')
    const due = this.now() - this.#lastLine >= (this.line.live ? LINE_EVERY_ON_TERMINAL : LINE_EVERY)
    if (!due && step < this.#steps) return this.line.show(text)
    this.#lastLine = this.now()
    this.line.note(text)
  }
}

/** What is said at the end of a run. */
function ending({ step, output, missing = [] }: Extract<TrainEvent, { type: 'finished' }>): string {
  if (output === undefined) return `stopped after step ${step}; --resume goes on`
  if (missing.length === 0) return `wrote ${output}`
  return `wrote ${output}, which is no whole model yet: train its ${missing.join(' and ')} too, with the same output`
}

/** Seconds as people say them: `45 s`, `12 min`, `3 h 05 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}
