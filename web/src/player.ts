import type { Frames } from '../../src/media/frames.js'
import { imageDataOf } from '../../src/media/pixels.web.js'
import type { Clip, Picture } from '../../src/web/index.js'
import { h, icon, iconButton } from './dom.js'

/** How strongly the frames before and after show through. */
const ONION = 0.28
/** Pixels of a picture in the strip. */
const THUMB = 56

/** Where one clip of a player is drawn. */
interface Screen {
  readonly canvas: HTMLCanvasElement
  clip: Clip | undefined
  frames: readonly HTMLCanvasElement[]
}

/** Plays clips in step, on as many screens as are asked for, with one set of controls. */
export class Player {
  readonly controls: HTMLElement
  readonly strip = h('div', { class: 'strip', role: 'group', 'aria-label': 'Frames' })
  readonly #screens: Screen[] = []
  readonly #scrub = h('input', { type: 'range', min: 0, max: 13, value: '0', 'aria-label': 'Frame' })
  readonly #playButton = iconButton('pause', 'Pause (space)', () => this.toggle())
  readonly #onionButton = iconButton('onion', 'Onion skin (o)', () => this.toggleOnion())
  readonly #count = h('output', { class: 'count' }, '–')
  #frame = 0
  #playing = true
  #onion = false
  #shownAt = 0

  constructor() {
    this.#onionButton.setAttribute('aria-pressed', 'false')
    this.#scrub.addEventListener('input', () => {
      this.pause()
      this.#show(Number(this.#scrub.value))
    })
    this.controls = h('div', { class: 'transport' }, this.#playButton, this.#scrub, this.#count, this.#onionButton)
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.pause()
    const tick = (now: number) => {
      // A player whose tab is not shown leaves the processor to the networks.
      const isDue = this.#playing && this.length > 1 && now - this.#shownAt >= 1000 / this.#fps
      if (isDue && this.controls.offsetParent) {
        this.#shownAt = now
        this.#show((this.#frame + 1) % this.length)
      }
      requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
  }

  /** Adds a screen; the canvas is to be placed by the caller. */
  addScreen(label: string): HTMLCanvasElement {
    const canvas = h('canvas', { class: 'screen', width: 128, height: 128, role: 'img', 'aria-label': label })
    this.#screens.push({ canvas, clip: undefined, frames: [] })
    return canvas
  }

  /** Shows a clip on a screen, from the frame that is shown. */
  load(clip: Clip, screen = 0): void {
    this.#put(clip, clip.frames, screen)
  }

  /** Shows the picture that a clip will be made of; the screen has no clip. */
  preview({ width, height, data }: Picture, screen = 0): void {
    this.#put(undefined, { width, height, count: 1, data }, screen)
  }

  #put(clip: Clip | undefined, frames: Frames, screen: number): void {
    const { width, height, count } = frames
    const target = this.#screens[screen]!
    target.clip = clip
    target.frames = Array.from({ length: count }, (_, index) => frameCanvas(frames, index))
    if (target.canvas.width !== width || target.canvas.height !== height)
      Object.assign(target.canvas, { width, height })
    this.#scrub.max = String(Math.max(0, this.length - 1))
    if (screen === 0) this.#fillStrip()
    this.#show(Math.min(this.#frame, Math.max(0, this.length - 1)))
  }

  /** The clip of a screen. */
  clip(screen = 0): Clip | undefined {
    return this.#screens[screen]?.clip
  }

  /** Frames of the longest clip. */
  get length(): number {
    return Math.max(0, ...this.#screens.map(({ frames }) => frames.length))
  }

  /** The frame that is shown, from 0. */
  get frame(): number {
    return this.#frame
  }

  /** Plays, or stops. */
  toggle(): void {
    if (this.#playing) return this.pause()
    this.#playing = true
    this.#setButton('pause', 'Pause (space)')
  }

  /** Stops at the frame that is shown. */
  pause(): void {
    this.#playing = false
    this.#setButton('play', 'Play (space)')
  }

  /** Stops, and goes on or back in a circle. */
  step(by: number): void {
    this.pause()
    if (this.length > 0) this.#show((this.#frame + by + this.length) % this.length)
  }

  /** Lets the frames before and after show through, or not. */
  toggleOnion(): void {
    this.#onion = !this.#onion
    this.#onionButton.setAttribute('aria-pressed', String(this.#onion))
    this.#show(this.#frame)
  }

  get #fps(): number {
    return this.#screens.find(({ clip }) => clip)?.clip?.fps ?? 7
  }

  #setButton(name: 'play' | 'pause', label: string): void {
    this.#playButton.replaceChildren(icon(name))
    this.#playButton.title = label
    this.#playButton.setAttribute('aria-label', label)
  }

  #show(frame: number): void {
    this.#frame = frame
    for (const { canvas, frames } of this.#screens) {
      const context = canvas.getContext('2d')!
      const count = frames.length
      if (count === 0) {
        context.clearRect(0, 0, canvas.width, canvas.height)
        continue
      }
      const at = (index: number) => frames[((index % count) + count) % count]!
      context.globalAlpha = 1
      context.globalCompositeOperation = 'source-over'
      context.drawImage(at(frame), 0, 0)
      if (!this.#onion) continue
      context.globalAlpha = ONION
      context.globalCompositeOperation = 'multiply'
      context.drawImage(at(frame - 1), 0, 0)
      context.drawImage(at(frame + 1), 0, 0)
    }
    this.#scrub.value = String(frame)
    this.#scrub.style.setProperty('--fill', `${(100 * frame) / Math.max(1, this.length - 1)}%`)
    this.#count.textContent = this.length > 1 ? `${frame + 1} / ${this.length}` : '–'
    for (const [index, thumb] of [...this.strip.children].entries())
      thumb.setAttribute('aria-current', String(index === frame))
  }

  #fillStrip(): void {
    const { clip, frames } = this.#screens[0]!
    if (!clip) return this.strip.replaceChildren()
    const thumbs = [...this.strip.children] as HTMLButtonElement[]
    if (thumbs.length !== frames.length) {
      this.strip.replaceChildren(
        ...frames.map((_, index) => {
          const jump = () => {
            this.pause()
            this.#show(index)
          }
          const canvas = h('canvas', { width: THUMB, height: THUMB })
          return h('button', { type: 'button', 'aria-label': `Frame ${index + 1}`, onclick: jump }, canvas)
        }),
      )
    }
    for (const [index, button] of [...this.strip.children].entries()) {
      button.querySelector('canvas')!.getContext('2d')!.drawImage(frames[index]!, 0, 0, THUMB, THUMB)
    }
  }
}

/** One frame of a clip on a canvas of its own. */
export function frameCanvas(frames: Frames, index: number): HTMLCanvasElement {
  const canvas = h('canvas', { width: frames.width, height: frames.height })
  canvas.getContext('2d')!.putImageData(imageDataOf(frames, index), 0, 0)
  return canvas
}
