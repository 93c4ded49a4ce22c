import { readClip, type Clip, type Picture } from '../../src/web/index.js'
import { deviceName } from './animate-view.js'
import type { Chosen } from './controls.js'
import { h, icon, slider } from './dom.js'
import { complain } from './messages.js'
import { Pad } from './pad.js'
import { openBitmap } from './picture.js'
import { frameCanvas, Player } from './player.js'
import { Latest, type Session } from './session.js'
import type { View } from './view.js'

/** Rate at which a dropped clip is read: what the model makes. */
const FPS = 7

/** A clip, its first frame to draw on, and the change carried through the clip. */
export class EditView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #pad = new Pad(() => this.#edit())
  readonly #latest = new Latest()
  readonly #status = h('p', { class: 'status' }, 'Draw on the first frame')
  #clip: Clip | undefined
  #strength = 0.3
  #chosen: Chosen | undefined

  /** @param animated the clip of the other tab, which is edited where no other was dropped */
  constructor(
    private readonly session: Session,
    private readonly animated: () => Clip | undefined,
  ) {
    const strength = slider({
      label: 'Strength',
      min: 0,
      max: 1,
      step: 0.01,
      value: this.#strength,
      hint: 'How much of the clip may change: up to a third keeps its motion',
      show: (value) => value.toFixed(2),
      onInput: (value) => {
        this.#strength = value
        this.#edit()
      },
    })
    const after = this.player.addScreen('The edited clip')
    const before = this.player.addScreen('The clip')
    this.element = h(
      'section',
      { class: 'view edit', 'aria-label': 'Edit' },
      h(
        'div',
        { class: 'pair' },
        h('div', {}, h('h2', {}, 'First frame'), this.#pad.element),
        h(
          'div',
          {},
          h('h2', {}, 'Carried through'),
          h('div', { class: 'stage' }, after, h('div', { class: 'inset', title: 'The clip before' }, before)),
          this.#status,
        ),
      ),
      strength.element,
      h(
        'div',
        { class: 'row clip-buttons' },
        this.#opener('Open a clip…', 'image/*,video/*', (file) => this.open(file)),
        this.#opener('Replace the first frame…', 'image/*', (file) => this.#replace(file)),
        h(
          'button',
          { type: 'button', class: 'quiet', onclick: () => this.#take(this.animated()) },
          icon('repeat'),
          'Start over',
        ),
      ),
      this.player.controls,
      this.player.strip,
    )
  }

  /** Takes a clip from a file. */
  async open(file: Blob): Promise<void> {
    try {
      const { width, height, frames } = (await this.session.model()).native
      this.#take(await readClip(file, { fps: FPS, width, height, maxFrames: frames }))
    } catch (error) {
      complain(error)
    }
  }

  update(_picture: Picture, chosen: Chosen): void {
    this.#chosen = chosen
    if (!this.#clip) this.#take(this.animated())
    else this.#edit()
  }

  #take(clip: Clip | undefined): void {
    if (!clip) return
    this.#clip = clip
    this.#pad.show(frameCanvas(clip.frames, 0))
    this.player.load(clip, 0)
    this.player.load(clip, 1)
    this.#status.textContent = 'Draw on the first frame'
  }

  async #replace(file: Blob): Promise<void> {
    try {
      this.#pad.show(await openBitmap(file))
      this.#edit()
    } catch (error) {
      complain(error)
    }
  }

  #edit(): void {
    const clip = this.#clip
    if (!clip || !this.#chosen) return
    const { seed, motion, noiseAug, loop } = this.#chosen
    const settings = { seed, motion, noiseAug, loop, strength: this.#strength }
    const firstFrame = this.#pad.picture
    this.#latest.run(async () => {
      try {
        const model = await this.session.model()
        const started = performance.now()
        const edited = await model.edit(clip, firstFrame, settings)
        // Another clip may have been opened meanwhile: what comes late must not take its place.
        if (this.#clip !== clip) return
        this.player.load(edited, 0)
        const seconds = ((performance.now() - started) / 1000).toFixed(2)
        this.#status.textContent = `${loop ? '2 forwards' : '1 forward'}, ${seconds} s on ${deviceName(model.device)}`
      } catch (error) {
        complain(error)
      }
    })
  }

  #opener(label: string, accept: string, take: (file: File) => Promise<void>): HTMLElement {
    const input = h('input', { type: 'file', accept, hidden: true })
    input.addEventListener('change', () => {
      if (input.files?.[0]) void take(input.files[0])
      input.value = ''
    })
    return h(
      'span',
      {},
      h('button', { type: 'button', class: 'quiet', onclick: () => input.click() }, icon('open'), label),
      input,
    )
  }
}
