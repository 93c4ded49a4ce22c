import { complain, say } from './messages.js'
import { CENTRED, isAnimated, openBitmap } from './picture.js'
import type { History } from './history.js'
import type { Store } from './store.js'

/** Takes pictures and clips: from a file, a drop, the clipboard or the examples. */
export class Intake {
  constructor(
    private readonly store: Store,
    private readonly history: History,
    /** Takes a clip to draw on. */
    private readonly openClip: (file: File) => void,
  ) {}

  /** Takes one file of those that are given; says so where there are more, or it moves. */
  async take(files: readonly File[]): Promise<void> {
    const [file] = files
    if (!file) return
    if (file.type.startsWith('video/')) return this.openClip(file)
    if (this.store.state.tab === 'draw' && (await isAnimated(file))) return this.openClip(file)
    if (!(await this.#open(file, file.name, false))) return
    if (await isAnimated(file)) {
      const run = () => this.openClip(file)
      say(`${file.name} moves already: its first picture was taken.`, 'note', { label: 'Draw on the clip', run })
    } else if (files.length > 1) say(`${file.name} was taken; one picture at a time.`)
    await this.history.putPicture(file, file.name).catch(() => undefined)
  }

  /** Takes an example. */
  async takeExample(name: string): Promise<void> {
    try {
      const response = await fetch(`./shelf/${name}.webp`)
      if (!response.ok) throw new Error(`the example ${name} cannot be fetched; check the connection`)
      await this.#open(await response.blob(), name, true)
    } catch (error) {
      complain(error)
    }
  }

  /** Takes the picture that was worked on the last time. */
  async takeLast(): Promise<void> {
    const last = await this.history.picture().catch(() => undefined)
    if (last) await this.#open(last.blob, last.name, false)
  }

  async #open(blob: Blob, name: string, isExample: boolean): Promise<boolean> {
    try {
      const bitmap = await openBitmap(blob instanceof File ? blob : new File([blob], name, { type: blob.type }))
      this.store.state.work?.cancel()
      const tab = this.store.state.tab === 'draw' ? 'make' : this.store.state.tab
      const source = { bitmap, name, isExample }
      const fresh = { tries: [], asked: undefined, shown: undefined, areOld: false, pins: [], strokes: [] }
      this.store.set({ source, crop: CENTRED, ...fresh, tab })
      return true
    } catch (error) {
      complain(error)
      return false
    }
  }
}

/** Takes what is dropped or pasted anywhere on the page. */
export function listenForFiles(take: (files: readonly File[]) => void): void {
  const markDrop = (isOver: boolean) => document.body.classList.toggle('dropping', isOver)
  addEventListener('dragover', (event) => {
    event.preventDefault()
    markDrop(event.dataTransfer?.types.includes('Files') ?? false)
  })
  addEventListener('dragleave', (event) => event.relatedTarget === null && markDrop(false))
  addEventListener('drop', (event) => {
    event.preventDefault()
    markDrop(false)
    take([...(event.dataTransfer?.files ?? [])])
  })
  addEventListener('paste', (event) => take([...(event.clipboardData?.files ?? [])]))
}
