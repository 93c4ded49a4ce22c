import { h, svg } from './dom.js'
import { say } from './messages.js'
import { arrowOf } from './pen.js'
import type { Size } from './picture.js'
import type { Rough } from './rough.js'
import { MOST_PINS, type Pin, type Place } from './steering.js'
import type { Store } from './store.js'

/** How far around a new pin the picture goes along. */
const RADIUS = 0.14
/** CSS pixels around a handle within which a press takes it: for a mouse, and for a finger. */
const [REACH, FINGER] = [14, 26]
/** The least way of a pull; less is a tap. */
const LEAST = 0.015
/** Shares of the frame that an arrow key moves a pin by. */
const KEY_STEP = 0.02
const [LEAST_RADIUS, MOST_RADIUS] = [0.04, 0.5]

/** What a pointer has hold of. */
interface Grip {
  readonly index: number
  readonly part: 'to' | 'whole'
  readonly at: Place
  readonly pins: readonly Pin[]
}

/** What is told of a pull that goes on. */
export interface Pulling {
  readonly onPull: (pin: Pin) => void
  readonly onEnd: () => void
  /** Another pin is chosen, or it has changed; or there is none. */
  readonly onChoose: (pin: Pin | undefined) => void
}

/** Pins on the picture with an arrow each: where a part is, and where it goes. */
export class PullLayer {
  readonly element: HTMLElement
  readonly #lines = svg('svg', { 'aria-hidden': 'true' })
  readonly #handles: HTMLButtonElement[] = []
  #frame: Size = { width: 1, height: 1 }
  #grip: Grip | undefined
  #draft: readonly Pin[] | undefined
  #index = 0

  constructor(
    private readonly store: Store,
    private readonly rough: Rough,
    private readonly pulling: Pulling,
  ) {
    this.element = h('div', { class: 'layer pull' })
    this.element.append(this.#lines)
    this.#listen()
    store.on(['pins', 'facts'], ({ pins, facts }) => {
      if (facts) this.#frame = facts.native
      this.#index = Math.max(0, Math.min(this.#index, pins.length - 1))
      this.#render()
    })
  }

  /** Puts a pin in the middle, for those who do not point. */
  add(): void {
    const { pins } = this.store.state
    if (this.#isFull(pins)) return
    this.#index = pins.length
    this.store.set({ pins: [...pins, { from: [0.5, 0.5], to: [0.5, 0.35], radius: RADIUS, back: false }] })
    this.#handles[this.#index]!.focus()
  }

  /** Changes the pin that is chosen. */
  change(part: Partial<Pin>): void {
    const { pins } = this.store.state
    this.store.set({ pins: pins.map((pin, index) => (index === this.#index ? { ...pin, ...part } : pin)) })
  }

  /** Takes the pin that is chosen away. */
  remove(): void {
    const { pins } = this.store.state
    this.store.set({ pins: pins.filter((_, index) => index !== this.#index) })
    this.#handles[this.#index]?.focus()
  }

  #isFull(pins: readonly Pin[]): boolean {
    if (pins.length === MOST_PINS) say(`${MOST_PINS} pins are the most; remove one first.`)
    return pins.length === MOST_PINS
  }

  #choose(index: number): void {
    this.#index = index
    this.#render()
  }

  #listen(): void {
    const { element } = this
    element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return
      const grip = this.#gripAt(event)
      if (!grip) return
      event.preventDefault()
      element.setPointerCapture(event.pointerId)
      this.#grip = grip
      this.#choose(grip.index)
      this.#handles[grip.index]?.focus({ preventScroll: true })
    })
    element.addEventListener('pointermove', (event) => this.#grip && this.#pull(this.#placeOf(event)))
    element.addEventListener('pointerup', () => this.#end(true))
    element.addEventListener('pointercancel', () => this.#end(false))
  }

  #placeOf({ clientX, clientY }: PointerEvent): Place {
    const { left, top, width, height } = this.element.getBoundingClientRect()
    return [within((clientX - left) / width), within((clientY - top) / height)]
  }

  #gripAt(event: PointerEvent): Grip | undefined {
    const { pins } = this.store.state
    const at = this.#placeOf(event)
    const { width, height } = this.element.getBoundingClientRect()
    const reach = event.pointerType === 'mouse' ? REACH : FINGER
    const near = ([x, y]: Place) => Math.hypot((x - at[0]) * width, (y - at[1]) * height) <= reach
    for (const [part, end] of [['to', 'to'] as const, ['whole', 'from'] as const]) {
      // The pin that was made last lies on top.
      const index = pins.map((pin) => near(pin[end])).lastIndexOf(true)
      if (index >= 0) return { index, part, at, pins }
    }
    if (this.#isFull(pins)) return undefined
    const fresh = { from: at, to: at, radius: RADIUS, back: false }
    return { index: pins.length, part: 'to', at, pins: [...pins, fresh] }
  }

  #pull(place: Place): void {
    const { index, part, at, pins } = this.#grip!
    const [dx, dy] = [place[0] - at[0], place[1] - at[1]]
    if (!this.#draft && Math.hypot(dx, dy) < LEAST) return
    const pin = moved(pins[index]!, part, dx, dy)
    this.#draft = pins.map((each, i) => (i === index ? pin : each))
    this.#render()
    this.rough.hold({ pins: this.#draft, strokes: this.store.state.strokes })
    this.pulling.onPull(pin)
  }

  #end(isMeant: boolean): void {
    const draft = this.#draft
    this.#grip = this.#draft = undefined
    if (!draft) return this.#render()
    this.rough.release()
    // What was being made has been cancelled for the pull: it is asked for again.
    this.store.set({ pins: isMeant ? draft : [...this.store.state.pins] })
    this.pulling.onEnd()
  }

  #onKey(index: number, event: KeyboardEvent): void {
    const by = arrowOf(event.key)
    const pin = this.store.state.pins[index]!
    const radius = { '+': 1.15, '-': 1 / 1.15 }[event.key]
    if (by) this.change(moved(pin, event.shiftKey ? 'whole' : 'to', KEY_STEP * by[0], KEY_STEP * by[1]))
    else if (radius) this.change({ radius: Math.min(MOST_RADIUS, Math.max(LEAST_RADIUS, pin.radius * radius)) })
    else if (event.key === 'Delete' || event.key === 'Backspace') this.remove()
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  #render(): void {
    const pins = this.#draft ?? this.store.state.pins
    const { width, height } = this.#frame
    const scale = 100 / Math.min(width, height)
    const [w, h] = [width * scale, height * scale]
    this.#lines.setAttribute('viewBox', `0 0 ${w} ${h}`)
    this.#lines.replaceChildren(
      ...pins.flatMap(({ from, to, radius }, index) => {
        const [x1, y1, x2, y2] = [from[0] * w, from[1] * h, to[0] * w, to[1] * h]
        const chosen = index === this.#index ? ' chosen' : ''
        return [
          svg('circle', { class: `reach${chosen}`, cx: x1, cy: y1, r: radius * 100 }),
          ...['halo', 'line'].map((kind) => svg('line', { class: kind, x1, y1, x2, y2 })),
          svg('circle', { class: 'root', cx: x1, cy: y1, r: 1.6 }),
        ]
      }),
    )
    while (this.#handles.length > pins.length) this.#handles.pop()!.remove()
    while (this.#handles.length < pins.length) this.#addHandle()
    for (const [index, { from, to }] of pins.entries()) {
      const handle = this.#handles[index]!
      const turn = Math.atan2((to[1] - from[1]) * height, (to[0] - from[0]) * width)
      Object.assign(handle.style, { left: `${100 * to[0]}%`, top: `${100 * to[1]}%` })
      handle.style.setProperty('--turn', `${turn}rad`)
      handle.classList.toggle('chosen', index === this.#index)
      const [start, end] = [from, to].map(([x, y]) => `${Math.round(100 * x)} %, ${Math.round(100 * y)} %`)
      handle.setAttribute('aria-label', `Pin ${index + 1}: from ${start} to ${end}`)
    }
    this.pulling.onChoose(pins[this.#index])
  }

  #addHandle(): void {
    const index = this.#handles.length
    const arrow = svg('svg', { viewBox: '0 0 20 20', class: 'icon', 'aria-hidden': 'true' })
    arrow.append(svg('path', { d: 'M4 10h11M10 5l5 5-5 5' }))
    const handle = h('button', { type: 'button', class: 'pin', 'aria-describedby': 'pull-keys' })
    handle.append(arrow)
    handle.addEventListener('focus', () => this.#choose(index))
    handle.addEventListener('keydown', (event) => this.#onKey(index, event))
    this.#handles.push(handle)
    this.element.append(handle)
  }
}

/** A pin of which the end, or the whole, has gone some way; no end leaves the frame. */
function moved(pin: Pin, part: Grip['part'], dx: number, dy: number): Pin {
  if (part === 'to') return { ...pin, to: [within(pin.to[0] + dx), within(pin.to[1] + dy)] }
  const [x, y] = [0, 1].map((axis) => {
    const [low, high] = [pin.from[axis]!, pin.to[axis]!].sort((a, b) => a - b) as [number, number]
    return Math.min(1 - high, Math.max(-low, axis === 0 ? dx : dy))
  }) as [number, number]
  return { ...pin, from: [pin.from[0] + x, pin.from[1] + y], to: [pin.to[0] + x, pin.to[1] + y] }
}

function within(share: number): number {
  return Math.min(1, Math.max(0, share))
}
