import type { Picture, WebProgress } from '../../src/web/index.js'
import type { Chosen } from './controls.js'
import { h } from './dom.js'
import { complain } from './messages.js'
import { Player } from './player.js'
import { Latest, type Session } from './session.js'
import type { View } from './view.js'

/** What follows each stage, in the words of the first clip's status. */
const WORK = { open: 'Opening the networks', encode: 'Looking', denoise: 'One forward', decode: 'Drawing' } as const
const NEXT = { open: 'encode', encode: 'denoise', denoise: 'decode', decode: 'decode' } as const
/** Seconds of opening that are worth a word. */
const NOTABLE = 0.1

/** One clip of the picture, made anew with every change. */
export class AnimateView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #latest = new Latest()
  readonly #status = h('p', { class: 'status' }, 'Fetching the model…')
  readonly #stage: HTMLElement

  constructor(private readonly session: Session) {
    this.#stage = h('div', { class: 'stage empty' }, this.player.addScreen('The clip'))
    this.element = h(
      'section',
      { class: 'view animate', 'aria-label': 'Animate' },
      this.#stage,
      this.#status,
      this.player.controls,
      this.player.strip,
    )
  }

  update(picture: Picture, chosen: Chosen): void {
    if (!this.player.clip()) this.player.preview(picture)
    this.#latest.run(() => this.#make(picture, chosen))
  }

  /** Says how far the weights are. */
  tellDownload(text: string): void {
    this.#status.textContent = text
  }

  async #make(picture: Picture, chosen: Chosen): Promise<void> {
    this.#stage.classList.add('busy')
    try {
      const model = await this.session.model()
      const asked = performance.now()
      let opened = asked
      const onProgress = (progress: WebProgress) => {
        if (progress.type !== 'stage') return
        const { stage, done, total } = progress
        if (stage === 'open') opened = performance.now()
        if (!this.player.clip()) this.#status.textContent = `${WORK[done < total ? stage : NEXT[stage]]}…`
      }
      const clip = await model.animate(picture, { ...chosen, onProgress })
      const made = performance.now()
      this.player.load(clip)
      this.#stage.classList.remove('empty')
      const forwards = chosen.loop ? '6 forwards' : '1 forward'
      const opening = (opened - asked) / 1000
      const before = opening > NOTABLE ? `, after ${opening.toFixed(2)} s of opening` : ''
      this.#status.textContent = `${forwards}, ${((made - opened) / 1000).toFixed(2)} s on ${deviceName(model.device)}${before}`
    } catch (error) {
      this.#status.textContent = this.player.clip() ? 'The last clip stays.' : 'No clip yet.'
      complain(error)
    } finally {
      this.#stage.classList.remove('busy')
    }
  }
}

/** What people call where the networks run. */
export function deviceName(device: string): string {
  if (device === 'webgpu') return 'WebGPU'
  return crossOriginIsolated ? `${navigator.hardwareConcurrency} cores` : '1 core'
}
