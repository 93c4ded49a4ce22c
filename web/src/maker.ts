import { cutOut, type AnimateOptions, type Clip, type ImageToVideo, type WebProgress } from '../../src/web/index.js'
import { announce, complain } from './messages.js'
import { cropped } from './picture.js'
import type { Session } from './session.js'
import { steeringOptions } from './steering.js'
import { ASKED, isSettled, TRIES, type Made, type State, type Store } from './store.js'

/** Milliseconds that a change waits for the next one, so that a drag asks for clips of where it ends. */
const CALM = 140
/** Stages of a clip that count for its progress. */
const STAGES = ['open', 'encode', 'denoise', 'decode'] as const

/** Makes four clips of the picture whenever it, or what is asked for, has changed. */
export class Maker {
  #stop: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The tries are not of what is asked for by now. */
  #isDue = false

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    /** Is told of each run's first clip, once all are made. */
    private readonly onDone: (made: Made) => void,
  ) {
    store.on(ASKED, (state) => {
      // A step back brings back what was made.
      const isMade = isSettled(state) && state.tries.length === TRIES
      this.#isDue = state.source !== undefined && !isMade
      this.#stop?.abort()
      store.set({ areOld: state.tries.length > 0 && !isMade })
      this.#soon()
    })
    store.on(['tab'], () => this.#soon())
    store.on(['model'], ({ source }) => {
      this.#isDue ||= source !== undefined
      this.#soon()
    })
  }

  /** Other views leave the tries as they are; they are made anew when one comes back to them. */
  #soon(): void {
    clearTimeout(this.#timer)
    const { store } = this
    if (!this.#isDue || store.state.tab !== 'make') return
    store.state.work?.cancel()
    this.#timer = setTimeout(() => {
      this.#isDue = false
      void this.#run()
    }, CALM)
    const cancel = () => {
      clearTimeout(this.#timer)
      store.set({ work: undefined })
    }
    // From here on the old clips are not what is asked for, and are not saved.
    store.set({ work: { text: 'Getting ready', cancel } })
  }

  async #run(): Promise<void> {
    const stop = new AbortController()
    this.#stop = stop
    const { store } = this
    const tell = (text: string, share?: number) => {
      if (!stop.signal.aborted) store.set({ work: { text, share, cancel: () => stop.abort() } })
    }
    try {
      tell('Opening the model')
      const model = await untilAborted(this.session.model(), stop.signal)
      const state = store.state
      const tries: Made[] = []
      for (let index = 0; index < TRIES; index++) {
        const count = `Making ${index + 1} of ${TRIES}`
        tell(count, index / TRIES)
        const onProgress = (progress: WebProgress) => {
          const share = progressShare(progress)
          if (share !== undefined) tell(count, (index + share) / TRIES)
        }
        const clip = await makeOne(model, state, index, { signal: stop.signal, onProgress })
        stop.signal.throwIfAborted()
        tries.push(madeOf(clip, state.source!.name))
        const { source, crop, end, settings, pins, strokes } = state
        const asked = { source, crop, end, settings, pins, strokes }
        const first = index === 0 ? { shown: tries[0], areOld: false, asked } : {}
        store.set({ tries: [...tries], ...first })
      }
      announce(`${TRIES} clips are ready`)
      if (tries.some(({ id }) => id === store.state.shown?.id)) this.onDone(store.state.shown!)
    } catch (error) {
      if (stop.signal.aborted && this.#stop === stop) announce('Cancelled')
      complain(error)
    } finally {
      if (this.#stop === stop) store.set({ work: undefined })
    }
  }
}

/** One try at what the state asks for, cut out where that can be. */
async function makeOne(
  model: ImageToVideo,
  { source, crop, end, settings, ...steering }: State,
  index: number,
  making: Pick<AnimateOptions, 'signal' | 'onProgress'>,
): Promise<Clip> {
  const { native, abilities } = model
  const { seed, loop, ...rest } = settings
  const options: AnimateOptions = { ...rest, ...steeringOptions(steering, native), seed: seed + index, ...making }
  if (loop && abilities.loop) Object.assign(options, { loop })
  if (end && abilities.endFrame) Object.assign(options, { end: cropped(end.bitmap, crop, native) })
  return cutOut(await model.animate(cropped(source!.bitmap, crop, native), options))
}

/**
 * A new clip as the studio keeps it.
 *
 * @param seed of a clip that does not say it
 */
export function madeOf(clip: Clip, name: string, seed = 0, id: string = crypto.randomUUID()): Made {
  return { id, clip, name, seed: Number(clip.metadata['seed'] ?? seed), starred: false, when: Date.now() }
}

function progressShare(progress: WebProgress): number | undefined {
  if (progress.type !== 'stage') return undefined
  return (STAGES.indexOf(progress.stage) + progress.done / progress.total) / STAGES.length
}

/** A promise's value, unless the signal comes first. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    work.then(resolve, reject)
  })
}
