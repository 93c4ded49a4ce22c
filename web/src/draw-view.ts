import { cutOut, readClip, type Clip } from '../../src/web/index.js'
import { fileButton, h, icon, slider } from './dom.js'
import { madeOf, untilAborted } from './maker.js'
import type { View } from './make-view.js'
import { announce, complain } from './messages.js'
import { Pad } from './pad.js'
import { openBitmap } from './picture.js'
import { Player } from './player.js'
import { frameCanvas } from './reel.js'
import type { Session } from './session.js'
import type { Made, Store } from './store.js'

/** How much of the clip may change unless told: this keeps its motion. */
const STRENGTH = 0.3

/** The first picture of a clip to draw on, and the change carried through the clip. */
export class DrawView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #pad = new Pad(() => this.#edit())
  readonly #before: HTMLElement
  /** The clip that is drawn on, and the last change of it. */
  #base: Made | undefined
  #edited: Made | undefined
  #strength = STRENGTH
  #stop: AbortController | undefined

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    /** Is told of each changed clip. */
    private readonly onDone: (made: Made) => void,
  ) {
    const strength = slider({
      label: 'How much may change',
      min: 0,
      max: 1,
      step: 0.01,
      value: STRENGTH,
      hint: 'A third keeps the motion of the clip',
      show: (value) => (value <= 0.34 ? 'keeps the motion' : value < 0.7 ? 'some of it' : 'a new motion'),
      onInput: (value) => {
        this.#strength = value
        this.#edit()
      },
    })
    const after = this.player.addScreen('The changed clip')
    this.#before = h('div', { class: 'inset', title: 'The clip before' }, this.player.addScreen('The clip before'))
    const startOver = h('button', { type: 'button', class: 'quiet' }, icon('undo'), 'Start over')
    startOver.addEventListener('click', () => {
      if (this.#base) store.set({ shown: this.#base })
    })
    this.element = h(
      'section',
      { class: 'view draw', 'aria-label': 'Draw on it' },
      h(
        'div',
        { class: 'pair' },
        h('div', {}, h('h2', {}, 'Draw on the first picture'), this.#pad.element),
        h('div', {}, h('h2', {}, 'The clip follows'), h('div', { class: 'stage' }, after, this.#before)),
      ),
      strength.element,
      h(
        'div',
        { class: 'row clip-buttons' },
        fileButton('Open a clip…', 'image/*,video/*', (file) => this.open(file), 'video'),
        fileButton('Replace the first picture…', 'image/*', (file) => this.#replace(file)),
        startOver,
      ),
      this.player.controls,
    )
    store.on(['shown', 'tab'], ({ shown, tab }) => {
      if (tab === 'draw' && shown && shown !== this.#base && shown.id !== this.#edited?.id) this.#take(shown)
      else if (tab === 'draw' && shown && shown === this.#base) this.#take(shown)
    })
    store.on(['settings'], ({ tab }) => {
      if (tab === 'draw' && this.#edited) this.#edit()
    })
    store.on(['look'], ({ look }) => (this.player.look = look))
  }

  /** Takes back the last line, or draws it again. */
  undo(isRedo = false): void {
    if (isRedo) this.#pad.redo()
    else this.#pad.undo()
  }

  /** Takes a clip from a file. */
  async open(file: File): Promise<void> {
    try {
      const { native, defaults } = await this.session.model()
      const { width, height, frames } = native
      const clip = await readClip(file, { fps: defaults.fps, width, height, maxFrames: frames })
      const made = madeOf(await cutOut(clip), file.name)
      this.store.set({ shown: made, tab: 'draw' })
      this.onDone(made)
    } catch (error) {
      complain(error)
    }
  }

  #take(made: Made): void {
    this.#stop?.abort()
    this.#base = made
    this.#edited = undefined
    this.#pad.show(frameCanvas(made.clip, 0), made.clip.frames)
    this.player.load(made.clip, 0)
    this.player.load(made.clip, 1)
    this.#before.hidden = true
  }

  async #replace(file: File): Promise<void> {
    if (!this.#base) return
    try {
      const bitmap = await openBitmap(file)
      this.#pad.show(bitmap, this.#base.clip.frames)
      bitmap.close()
      this.#edit()
    } catch (error) {
      complain(error)
    }
  }

  #edit(): void {
    this.#stop?.abort()
    const stop = new AbortController()
    this.#stop = stop
    void this.#carry(stop)
  }

  async #carry(stop: AbortController): Promise<void> {
    const base = this.#base
    if (!base) return
    const { store } = this
    const { settings, facts } = store.state
    const { motion, noiseAug } = settings
    const loop = settings.loop && facts?.abilities.loop === true
    const firstFrame = this.#pad.picture
    store.set({ work: { text: 'Carrying it through the clip', cancel: () => stop.abort() } })
    try {
      const model = await untilAborted(this.session.model(), stop.signal)
      const options = { seed: base.seed, motion, noiseAug, loop, strength: this.#strength, signal: stop.signal }
      const clip: Clip = await cutOut(await model.edit(base.clip, firstFrame, options))
      stop.signal.throwIfAborted()
      this.#edited = madeOf(clip, base.name, base.seed, this.#edited?.id)
      this.player.load(clip, 0)
      this.#before.hidden = false
      store.set({ shown: this.#edited })
      announce('The changed clip is ready')
      this.onDone(this.#edited)
    } catch (error) {
      complain(error)
    } finally {
      if (this.#stop === stop) store.set({ work: undefined })
    }
  }
}
