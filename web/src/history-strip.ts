import { offerDownload, type Clip } from '../../src/web/index.js'
import { h, icon } from './dom.js'
import { beyondRoom, type History } from './history.js'
import { complain, say } from './messages.js'
import { AS_IT_IS } from './purposes.js'
import { frameCanvas } from './reel.js'
import { packFor } from './saver.js'
import type { Made, Store } from './store.js'

/** The strip of clips that were kept: to look at one again, to star it, to delete it. */
export class HistoryStrip {
  readonly element: HTMLElement
  readonly #items = h('div', { class: 'kept', role: 'listbox', 'aria-label': 'Kept clips', tabindex: 0 })
  readonly #posters = new WeakMap<Clip, HTMLCanvasElement>()

  constructor(
    private readonly store: Store,
    private readonly history: History,
  ) {
    const star = h('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false' }, icon('star'), 'Star')
    star.addEventListener('click', () => this.#star())
    const remove = h('button', { type: 'button', class: 'quiet' }, icon('delete'), 'Delete')
    remove.addEventListener('click', () => this.#delete())
    const all = h(
      'button',
      { type: 'button', class: 'quiet', title: 'All of them as WebP, in a zip' },
      icon('pack'),
      'Export all',
    )
    all.addEventListener('click', () => void this.#exportAll())
    this.element = h(
      'section',
      { class: 'panel history', 'aria-label': 'Kept clips' },
      h('div', { class: 'row head' }, h('h2', {}, 'Kept on this device'), star, remove, all),
      this.#items,
    )
    this.#items.addEventListener('keydown', (event) => this.#onKey(event))
    store.on(['kept', 'shown'], ({ kept, shown }) => {
      this.element.hidden = kept.length === 0
      const chosen = kept.find(({ id }) => id === shown?.id)
      star.disabled = remove.disabled = !chosen
      star.setAttribute('aria-pressed', String(chosen?.starred ?? false))
      this.#fill(kept, chosen)
    })
    history.all().then((kept) => {
      // Clips may have been made while the database opened.
      const known = new Set(store.state.kept.map(({ id }) => id))
      store.set({ kept: [...store.state.kept, ...kept.filter(({ id }) => !known.has(id))] })
    }, complain)
  }

  /** Keeps a clip, in place of one with its id. */
  keep(made: Made): void {
    const { kept } = this.store.state
    const isKnown = kept.some(({ id }) => id === made.id)
    const all = isKnown ? kept.map((each) => (each.id === made.id ? made : each)) : [made, ...kept]
    const gone = new Set(beyondRoom(all).map(({ id }) => id))
    this.store.set({ kept: all.filter(({ id }) => !gone.has(id)) })
    this.history.put(made).catch(complain)
    for (const id of gone) this.history.delete(id).catch(complain)
  }

  get #shown(): Made | undefined {
    const { kept, shown } = this.store.state
    return kept.find(({ id }) => id === shown?.id)
  }

  #star(): void {
    const made = this.#shown
    if (!made) return
    const changed = { ...made, starred: !made.starred }
    this.keep(changed)
    this.store.set({ shown: changed })
  }

  #delete(): void {
    const made = this.#shown
    if (!made) return
    const { kept, tries } = this.store.state
    const rest = kept.filter(({ id }) => id !== made.id)
    this.store.set({ kept: rest, shown: tries.find((each) => each) ?? rest[0] })
    this.history.delete(made.id).catch(complain)
    say('Deleted.', 'note', { label: 'Undo', run: () => this.keep(made) })
  }

  async #exportAll(): Promise<void> {
    const { kept, look } = this.store.state
    const stop = new AbortController()
    this.store.state.work?.cancel()
    const tell = (done: number, total: number) =>
      this.store.set({ work: { text: 'Exporting', share: done / total, cancel: () => stop.abort() } })
    try {
      const { blob, name } = await packFor(kept, [AS_IT_IS], look, { signal: stop.signal, onFile: tell })
      offerDownload(blob, name)
      say(`Saved ${name}: ${kept.length} clips.`)
    } catch (error) {
      complain(error)
    } finally {
      this.store.set({ work: undefined })
    }
  }

  #fill(kept: readonly Made[], chosen: Made | undefined): void {
    const items = kept.map((made) => {
      const label = `${made.name}, try ${made.seed}${made.starred ? ', starred' : ''}`
      const poster = this.#posters.get(made.clip) ?? frameCanvas(made.clip, 0)
      this.#posters.set(made.clip, poster)
      const isChosen = made === chosen
      const item = h(
        'div',
        { class: 'checks', role: 'option', id: `kept-${made.id}`, 'aria-label': label, 'aria-selected': `${isChosen}` },
        poster,
      )
      if (made.starred) item.append(icon('star'))
      item.addEventListener('click', () => this.store.set({ shown: made }))
      return item
    })
    this.#items.replaceChildren(...items)
    if (chosen) this.#items.setAttribute('aria-activedescendant', `kept-${chosen.id}`)
    else this.#items.removeAttribute('aria-activedescendant')
  }

  #onKey(event: KeyboardEvent): void {
    const { kept } = this.store.state
    const at = kept.findIndex(({ id }) => id === this.store.state.shown?.id)
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (by) this.store.set({ shown: kept[Math.min(kept.length - 1, Math.max(0, at + by))] })
    else if (event.key === 'Delete') this.#delete()
    else if (event.key === 's') this.#star()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
