import type { State, Store } from './store.js'

/** What a step is a change of. */
const STEPS = ['source', 'crop', 'end', 'settings', 'look', 'pins', 'strokes'] as const
/** Milliseconds within which changes of the same parts are one step, as a slider makes them. */
const TOGETHER = 800
/** How many steps can be taken back. */
const MOST = 40
/** Bytes of clips that steps remember; older steps make theirs anew. */
const ROOM = 128 * 2 ** 20

/** The studio as it was: what is asked for, and what was made of it. */
type Moment = Pick<State, (typeof STEPS)[number] | 'tries' | 'asked' | 'shown'>

/** Takes changes back and makes them again: of the picture, the settings, the pins, the brush, the look and the pick. */
export class Timeline {
  readonly #past: Moment[] = []
  readonly #future: Moment[] = []
  #last = { parts: '', when: 0 }
  #isMoving = false

  /** @param onChange is told whether there is a step back, and one forward */
  constructor(
    private readonly store: Store,
    private readonly onChange: (canUndo: boolean, canRedo: boolean) => void,
  ) {
    store.follow((state, changed, before) => {
      if (this.#isMoving || (!before.source && !before.shown)) return
      const parts = STEPS.filter((part) => changed.has(part)).join()
      const isPick = changed.size === 1 && state.tab === 'make' && state.shown?.id !== before.shown?.id
      if (parts === '' && !isPick) return
      const now = performance.now()
      const isSame = parts !== '' && parts === this.#last.parts && now - this.#last.when < TOGETHER
      this.#last = { parts, when: now }
      if (isSame) return
      this.#future.length = 0
      this.#past.push(momentOf(before))
      this.#trim()
      this.#tell()
    })
    this.#tell()
  }

  /** Takes the last step back. */
  undo(): void {
    this.#move(this.#past, this.#future)
  }

  /** Makes the step again that was taken back last. */
  redo(): void {
    this.#move(this.#future, this.#past)
  }

  #move(from: Moment[], to: Moment[]): void {
    const moment = from.pop()
    if (!moment) return
    to.push(momentOf(this.store.state))
    this.#isMoving = true
    this.store.state.work?.cancel()
    this.store.set(moment)
    this.#isMoving = false
    this.#last = { parts: '', when: 0 }
    this.#tell()
  }

  #trim(): void {
    if (this.#past.length > MOST) this.#past.shift()
    let bytes = 0
    for (const [index, moment] of [...this.#past.entries()].reverse()) {
      for (const made of moment.tries) bytes += made ? made.clip.frames.data.length : 0
      if (bytes > ROOM) this.#past[index] = { ...moment, tries: [], asked: undefined, shown: undefined }
    }
  }

  #tell(): void {
    this.onChange(this.#past.length > 0, this.#future.length > 0)
  }
}

function momentOf(state: State): Moment {
  const { source, crop, end, settings, look, pins, strokes, tries, asked, shown } = state
  return { source, crop, end, settings, look, pins, strokes, tries, asked, shown }
}
