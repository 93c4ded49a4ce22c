import type { Picture, WebProgress } from '../../src/web/index.js'
import type { Chosen } from './controls.js'
import { h } from './dom.js'
import { complain } from './messages.js'
import { Player } from './player.js'
import { Latest, type Session } from './session.js'
import type { View } from './view.js'

const STAGES = { open: 'Opening the networks', encode: 'Looking', denoise: 'One forward', decode: 'Drawing' } as const

/** One clip of the picture, made anew with every change. */
export class AnimateView implements View {
  readonly element: HTMLElement
  readonly player = new Player()
  readonly #latest = new Latest()
  readonly #status = h('p', { class: 'status' }, ' ')
  readonly #stage: HTMLElement

  constructor(private readonly session: Session) {
    this.#stage = h('div', { class: 'stage' }, this.player.addScreen('The clip'))
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
      const started = performance.now()
      const onProgress = (progress: WebProgress) => {
        if (progress.type === 'stage' && !this.player.clip()) this.#status.textContent = `${STAGES[progress.stage]}…`
      }
      const clip = await model.animate(picture, { ...chosen, onProgress })
      this.player.load(clip)
      const seconds = (performance.now() - started) / 1000
      const forwards = chosen.loop ? '2 forwards' : '1 forward'
      this.#status.textContent = `${forwards}, ${seconds.toFixed(2)} s on ${deviceName(model.device)}`
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
