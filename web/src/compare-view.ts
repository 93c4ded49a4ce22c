import type { Picture, WebProgress } from '../../src/web/index.js'
import type { Chosen } from './controls.js'
import { h } from './dom.js'
import { complain } from './messages.js'
import { Player } from './player.js'
import type { Session } from './session.js'
import type { View } from './view.js'

/** Steps that stand beside each other: the student's one, the teacher's many. */
const STEPS = [1, 4, 8, 16, 25] as const

/** One step beside many, in sync, each with its time and its number of forwards. */
export class CompareView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #notes: readonly HTMLElement[]
  readonly #tiles: readonly HTMLElement[]
  readonly #button = h('button', { type: 'button', class: 'primary', onclick: () => void this.#toggle() }, 'Compare')
  #stop: AbortController | undefined
  #asked: { picture: Picture; chosen: Chosen } | undefined

  constructor(private readonly session: Session) {
    const notes = STEPS.map(() => h('p', { class: 'note' }, '–'))
    this.#notes = notes
    const tiles = STEPS.map((steps, index) =>
      h(
        'figure',
        { class: steps === 1 ? 'tile one empty' : 'tile empty' },
        h('div', { class: 'stage' }, this.player.addScreen(`${steps} steps`)),
        h('figcaption', {}, h('strong', {}, steps === 1 ? '1 step' : `${steps} steps`), notes[index]),
      ),
    )
    this.#tiles = tiles
    this.element = h(
      'section',
      { class: 'view compare', 'aria-label': 'Compare' },
      h(
        'header',
        {},
        h('p', {}, 'One forward of the student beside the teacher’s many, from the same picture and the same noise.'),
        this.#button,
      ),
      h('div', { class: 'tiles' }, ...tiles),
      this.player.controls,
    )
  }

  update(picture: Picture, chosen: Chosen): void {
    this.#asked = { picture, chosen }
    this.#stop?.abort()
    this.#clear(picture)
  }

  /** Shows the picture, pale, where the clips will be. */
  #clear(picture: Picture): void {
    for (const [index, tile] of this.#tiles.entries()) {
      tile.classList.add('empty')
      this.player.preview(picture, index)
      this.#notes[index]!.textContent = '–'
    }
  }

  async #toggle(): Promise<void> {
    if (this.#stop) return this.#stop.abort()
    if (!this.#asked) return
    const { picture, chosen } = this.#asked
    const stop = new AbortController()
    this.#stop = stop
    this.#button.textContent = 'Stop'
    this.#clear(picture)
    try {
      const model = await this.session.model()
      // The networks stay open for clips of one kind: all that are guided follow each other.
      for (const [index, steps] of STEPS.entries()) {
        const note = this.#notes[index]!
        note.textContent = 'waiting'
        let started = performance.now()
        const onProgress = (progress: WebProgress) => {
          if (progress.type === 'download') {
            note.textContent = `fetching ${Math.round((100 * progress.loaded) / progress.total)} %`
            started = performance.now()
          } else if (progress.type === 'stage' && progress.stage === 'open') started = performance.now()
          else if (progress.type === 'stage')
            note.textContent = `${progress.stage} ${progress.done} / ${progress.total}`
        }
        const clip = await model.animate(picture, { ...chosen, loop: false, steps, signal: stop.signal, onProgress })
        this.player.load(clip, index)
        this.#tiles[index]!.classList.remove('empty')
        const forwards = steps === 1 ? '1 forward' : `${2 * steps} forwards`
        note.textContent = `${forwards}, ${((performance.now() - started) / 1000).toFixed(2)} s`
      }
    } catch (error) {
      for (const note of this.#notes) if (!/forward/.test(note.textContent)) note.textContent = '–'
      complain(error)
    } finally {
      this.#stop = undefined
      this.#button.textContent = 'Compare'
    }
  }
}
