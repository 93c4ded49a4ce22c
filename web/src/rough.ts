import { cutOut } from '../../src/web/index.js'
import { complain } from './messages.js'
import { cropped } from './picture.js'
import type { Session } from './session.js'
import { steeringOptions, type Steering } from './steering.js'
import { isSettled, type Store } from './store.js'

/** Shows the rough clip that pins and the brush ask for, at once: the model's own clip follows. */
export class Rough {
  #wanted: Steering | undefined
  #isBusy = false
  /** Whether something is being pulled: what is shown then is not in the state yet. */
  #isHeld = false

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    store.on(['pins', 'strokes', 'source', 'crop', 'asked'], (state) => {
      if (this.#isHeld) return
      if (isSettled(state)) this.#drop()
      else this.#want(state)
    })
  }

  /** Shows what is not asked for yet, while it is pulled or drawn. */
  hold(steering: Steering): void {
    if (!this.#isHeld) this.store.state.work?.cancel()
    this.#isHeld = true
    this.#want(steering)
  }

  /** What was held is in the state by now, or given up. */
  release(): void {
    this.#isHeld = false
  }

  #want(steering: Steering): void {
    const { pins, strokes } = steering
    if (!this.store.state.source || pins.length + strokes.length === 0) return this.#drop()
    this.#wanted = { pins, strokes }
    if (!this.#isBusy) void this.#go()
  }

  #drop(): void {
    this.#wanted = undefined
    this.store.set({ rough: undefined })
  }

  /** One at a time, always the newest. */
  async #go(): Promise<void> {
    this.#isBusy = true
    try {
      const model = await this.session.model()
      while (this.#wanted) {
        const wanted = this.#wanted
        const { source, crop, settings } = this.store.state
        const loop = settings.loop && model.abilities.loop
        const options = { loop, ...steeringOptions(wanted, model.native) }
        const rough = await cutOut(await model.preview(cropped(source!.bitmap, crop, model.native), options))
        if (!this.#wanted) return
        if (this.#wanted === wanted) this.#wanted = undefined
        this.store.set({ rough })
      }
    } catch (error) {
      this.#drop()
      complain(error)
    } finally {
      this.#isBusy = false
    }
  }
}
