import type { ImageToVideo, WebProgress } from '../../src/web/index.js'
import { h } from './dom.js'
import { untilAborted } from './maker.js'
import type { View } from './make-view.js'
import { announce, complain } from './messages.js'
import { cropped, drawCrop } from './picture.js'
import { Player } from './player.js'
import { deviceName, type Session } from './session.js'
import type { State, Store } from './store.js'

/** How many clips stand beside each other, at most. */
const MOST = 5

/** One step beside many, in sync, each with its time and its number of forwards. */
export class CompareView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #notes = Array.from({ length: MOST }, () => h('p', { class: 'hint' }, '–'))
  readonly #names = this.#notes.map(() => h('strong'))
  readonly #tiles: readonly HTMLElement[]
  readonly #button = h('button', { type: 'button', class: 'primary', onclick: () => void this.#run() }, 'Compare')
  readonly #device = h('p', { class: 'hint' })
  /** What the tiles show was made with. */
  #made: Pick<State, 'source' | 'crop' | 'settings'> | undefined

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {
    const screens = this.#notes.map(() => this.player.addScreen(''))
    this.#tiles = screens.map((screen, index) =>
      h(
        'figure',
        { class: index === 0 ? 'tile one empty' : 'tile empty' },
        h('div', { class: 'stage' }, screen),
        h('figcaption', {}, this.#names[index], this.#notes[index]),
      ),
    )
    this.element = h(
      'section',
      { class: 'view compare', 'aria-label': 'Compare' },
      h(
        'header',
        {},
        h('p', {}, 'Few steps beside many, from the same picture and noise: what is gained, and what it costs.'),
        this.#button,
      ),
      this.#device,
      h('div', { class: 'tiles' }, ...this.#tiles),
      this.player.controls,
    )
    store.on(['facts'], () => {
      for (const [index, tile] of this.#tiles.entries()) {
        const steps = this.#steps[index]
        tile.hidden = steps === undefined
        const name = steps === 1 ? '1 step' : `${steps} steps`
        this.#names[index]!.textContent = name
        screens[index]!.setAttribute('aria-label', name)
      }
      this.#made = undefined
    })
    store.on(['source', 'crop', 'settings', 'tab', 'facts'], (state) => {
      if (!this.#made) return this.#clear()
      const { source, crop, settings } = this.#made
      const isOld = source !== state.source || crop !== state.crop || settings !== state.settings
      this.element.classList.toggle('old', isOld)
      if (isOld) this.#device.textContent = 'These were made before your last change.'
    })
    store.on(['look'], ({ look }) => (this.player.look = look))
  }

  /** Steps that stand beside each other, as the model says. */
  get #steps(): readonly number[] {
    return this.store.state.facts?.steps.slice(0, MOST) ?? []
  }

  /** Shows the picture, pale, where the clips will be. */
  #clear(): void {
    const { source, crop, facts } = this.store.state
    if (!source || !facts) return
    const still = h('canvas', { width: facts.native.width, height: facts.native.height })
    drawCrop(still, source.bitmap, crop)
    for (const [index, tile] of this.#tiles.entries()) {
      tile.classList.add('empty')
      this.player.preview(still, index)
      this.#notes[index]!.textContent = '–'
    }
  }

  async #run(): Promise<void> {
    const { store } = this
    const { source, crop, settings } = store.state
    if (!source || store.state.work) return
    const stop = new AbortController()
    const tell = (done: number) =>
      store.set({ work: { text: 'Comparing', share: done / this.#steps.length, cancel: () => stop.abort() } })
    this.#made = { source, crop, settings }
    this.element.classList.remove('old')
    this.#button.disabled = true
    this.#clear()
    try {
      tell(0)
      const model = await untilAborted(this.session.model(), stop.signal)
      this.#device.textContent = `On ${deviceName(model.device)}, one after another.`
      // The networks stay open for clips of one kind: all that are guided follow each other.
      for (const index of this.#steps.keys()) {
        await this.#one(model, index, stop.signal)
        tell(index + 1)
      }
      announce('The comparison is ready')
    } catch (error) {
      for (const note of this.#notes) if (!/forward/.test(note.textContent)) note.textContent = '–'
      complain(error)
    } finally {
      this.#button.disabled = false
      store.set({ work: undefined })
    }
  }

  async #one(model: ImageToVideo, index: number, signal: AbortSignal): Promise<void> {
    const { source, crop, settings } = this.#made!
    const [steps, note] = [this.#steps[index]!, this.#notes[index]!]
    note.textContent = 'waiting'
    let started = performance.now()
    const onProgress = (progress: WebProgress) => {
      if (progress.type === 'download') {
        note.textContent = `fetching ${Math.round((100 * progress.loaded) / progress.total)} %`
        started = performance.now()
      } else if (progress.type === 'stage' && progress.stage === 'open') started = performance.now()
      else if (progress.type === 'stage') note.textContent = `${progress.stage} ${progress.done} / ${progress.total}`
    }
    const options = { ...settings, loop: false, steps, signal, onProgress }
    const clip = await model.animate(cropped(source!.bitmap, crop, model.native), options)
    this.player.load(clip, index)
    this.#tiles[index]!.classList.remove('empty')
    const forwards = Number(clip.metadata['forwards'])
    note.textContent = `${forwards === 1 ? '1 forward' : `${forwards} forwards`}, ${((performance.now() - started) / 1000).toFixed(2)} s`
  }
}
