import { h } from './dom.js'
import { drawWithPen, type Pixel } from './pen.js'
import type { Rough } from './rough.js'
import { drawStill, fitMask, type Place, type Stroke } from './steering.js'
import type { Store } from './store.js'

/** A brush on the picture, which says what stays and what moves. What stays is shaded. */
export class BrushLayer {
  readonly element: HTMLElement
  /** What the next line says. */
  kind: Stroke['kind'] = 'stays'
  /** A share of the frame's shorter side. */
  width = 0.15
  readonly #canvas = h('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'brush',
    'aria-label':
      'What stays and what moves: paint, or move the pen by the arrow keys and lower or lift it by the space bar',
  })
  #line: Stroke | undefined

  constructor(
    private readonly store: Store,
    private readonly rough: Rough,
    /** Is told when a line begins, and when it ends. */
    private readonly onDraw: (isDown: boolean) => void,
  ) {
    const mark = h('i', { class: 'pen', 'aria-hidden': 'true' })
    this.element = h('div', { class: 'layer brush' }, this.#canvas, mark)
    drawWithPen(this.#canvas, mark, {
      begin: (at) => {
        this.#line = { kind: this.kind, width: this.width, points: [] }
        this.onDraw(true)
        this.#go(at)
      },
      line: (to) => this.#go(to),
      end: () => this.#end(),
      isDown: () => this.#line !== undefined,
      width: () => this.width * Math.min(this.#canvas.width, this.#canvas.height),
    })
    store.on(['strokes', 'facts'], ({ facts }) => {
      if (facts) fitMask(this.#canvas, facts.native)
      this.#render()
    })
  }

  get #strokes(): readonly Stroke[] {
    const { strokes } = this.store.state
    return this.#line ? [...strokes, this.#line] : strokes
  }

  #go([x, y]: Pixel): void {
    const place: Place = [x / this.#canvas.width, y / this.#canvas.height]
    this.#line = { ...this.#line!, points: [...this.#line!.points, place] }
    this.#render()
    this.rough.hold({ pins: this.store.state.pins, strokes: this.#strokes })
  }

  #end(): void {
    if (!this.#line) return
    const strokes = this.#strokes
    this.#line = undefined
    this.rough.release()
    this.store.set({ strokes })
    this.onDraw(false)
  }

  #render(): void {
    drawStill(this.#canvas, this.#strokes, '#5a4fcf')
  }
}
