import type { Clip } from '../../src/web/index.js'
import { h, iconButton, setIcon } from './dom.js'
import { framesOf, playedOrder } from './reel.js'
import type { Look } from './store.js'

/** How strongly the frames before and after show through. */
const ONION = 0.28

/** Where one clip, or a still picture, of a player is drawn. */
interface Screen {
  readonly canvas: HTMLCanvasElement
  clip: Clip | undefined
  frames: readonly CanvasImageSource[]
}

/** Plays clips in step, on as many screens as are asked for, with one set of controls. */
export class Player {
  readonly controls: HTMLElement
  readonly #screens: Screen[] = []
  readonly #scrub = h('input', { type: 'range', min: 0, max: 0, value: '0', 'aria-label': 'Picture of the clip' })
  readonly #playButton = iconButton('pause', 'Pause (space)', () => this.toggle())
  readonly #onionButton = iconButton('onion', 'Show the pictures before and after (o)', () => this.toggleOnion())
  readonly #count = h('output', { class: 'count' }, '–')
  #look: Pick<Look, 'speed' | 'back'> = { speed: 1, back: false }
  /** What of it is on the screen: nothing runs for what nobody sees. */
  readonly #seen = new Set<Element>()
  readonly #watched: IntersectionObserver
  #timer: ReturnType<typeof setTimeout> | undefined
  #at = 0
  #playing = true
  #onion = false

  constructor() {
    this.#onionButton.setAttribute('aria-pressed', 'false')
    this.#scrub.addEventListener('input', () => {
      this.pause()
      this.#show(Number(this.#scrub.value))
    })
    this.controls = h('div', { class: 'transport' }, this.#playButton, this.#scrub, this.#count, this.#onionButton)
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.pause()
    document.addEventListener('visibilitychange', () => this.#wake())
    this.#watched = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#seen.add(target)
        else this.#seen.delete(target)
      }
      this.#wake()
    })
  }

  /** Adds a screen; the canvas is to be placed by the caller. */
  addScreen(label: string): HTMLCanvasElement {
    const canvas = h('canvas', { class: 'screen', width: 1, height: 1, role: 'img', 'aria-label': label })
    this.#screens.push({ canvas, clip: undefined, frames: [] })
    this.#watched.observe(canvas)
    return canvas
  }

  /** Shows a clip on a screen, from the frame that is shown; nothing where there is none. */
  load(clip: Clip | undefined, screen = 0): void {
    const target = this.#screens[screen]!
    if (target.clip === clip && clip) return
    target.clip = clip
    this.#put(target, clip ? framesOf(clip) : [], clip?.frames)
  }

  /** Shows the picture that a clip will be made of; the screen has no clip. */
  preview(picture: HTMLCanvasElement, screen = 0): void {
    const target = this.#screens[screen]!
    target.clip = undefined
    this.#put(target, [picture], picture)
  }

  /** Plays as fast, and back or not, as a look says. */
  set look(look: Pick<Look, 'speed' | 'back'>) {
    this.#look = look
    this.#refresh()
  }

  /** The clip of a screen. */
  clip(screen = 0): Clip | undefined {
    return this.#screens[screen]?.clip
  }

  /** Whether it plays, or would if it had a clip. */
  get isPlaying(): boolean {
    return this.#playing
  }

  /** Plays, or stops. */
  toggle(): void {
    if (this.#playing) this.pause()
    else this.play()
  }

  /** Plays on from the frame that is shown. */
  play(): void {
    this.#playing = true
    this.#wake()
    setIcon(this.#playButton, 'pause', 'Pause (space)')
  }

  /** Stops at the frame that is shown. */
  pause(): void {
    this.#playing = false
    setIcon(this.#playButton, 'play', 'Play (space)')
  }

  /** Stops at a frame; the last one where there are fewer. */
  hold(at: number): void {
    this.pause()
    this.#show(Math.max(0, Math.min(at, this.#order.length - 1)))
  }

  /** Stops, and goes on or back in a circle. */
  step(by: number): void {
    this.pause()
    const { length } = this.#order
    if (length > 0) this.#show((this.#at + by + length) % length)
  }

  /** Lets the frames before and after show through, or not. */
  toggleOnion(): void {
    this.#onion = !this.#onion
    this.#onionButton.setAttribute('aria-pressed', String(this.#onion))
    this.#show(this.#at)
  }

  #put(target: Screen, frames: readonly CanvasImageSource[], size?: { width: number; height: number }): void {
    target.frames = frames
    const { canvas } = target
    if (size && (canvas.width !== size.width || canvas.height !== size.height))
      Object.assign(canvas, { width: size.width, height: size.height })
    this.#refresh()
  }

  /** The places of the longest clip in the order in which they are played. */
  get #order(): number[] {
    return playedOrder(Math.max(0, ...this.#screens.map(({ frames }) => frames.length)), this.#look)
  }

  #refresh(): void {
    const { length } = this.#order
    this.#scrub.max = String(Math.max(0, length - 1))
    this.#show(Math.min(this.#at, Math.max(0, length - 1)))
    this.#wake()
  }

  /** Goes on from frame to frame while there is something to play, and someone sees it; leaves the processor alone otherwise. */
  #wake(): void {
    if (this.#timer !== undefined || !this.#playing || document.hidden || this.#seen.size === 0) return
    const fps = this.#screens.find(({ clip }) => clip)?.clip?.fps
    const { length } = this.#order
    if (!fps || length < 2) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        // It may have been stopped, or hidden, since.
        if (this.#playing && !document.hidden && this.#seen.size > 0) this.#show((this.#at + 1) % this.#order.length)
        this.#wake()
      },
      1000 / (fps * this.#look.speed),
    )
  }

  #show(at: number): void {
    this.#at = at
    const order = this.#order
    for (const { canvas, frames } of this.#screens) {
      const context = canvas.getContext('2d')!
      context.globalAlpha = 1
      context.clearRect(0, 0, canvas.width, canvas.height)
      const count = frames.length
      if (count === 0) continue
      const frame = (place: number) => frames[(order[(place + order.length) % order.length] ?? 0) % count]!
      context.drawImage(frame(at), 0, 0)
      if (!this.#onion) continue
      context.globalAlpha = ONION
      context.drawImage(frame(at - 1), 0, 0)
      context.drawImage(frame(at + 1), 0, 0)
    }
    this.#scrub.value = String(at)
    this.#scrub.style.setProperty('--fill', `${(100 * at) / Math.max(1, order.length - 1)}%`)
    this.#count.textContent = order.length > 1 ? `${at + 1} / ${order.length}` : '–'
  }
}
