import type { Picture } from '../../src/web/index.js'
import { h, iconButton } from './dom.js'
import { pictureOf } from './picture.js'

/** Pixels of the drawing; frames are smaller, lines should not be. */
const SIDE = 512
const COLOURS = ['#1f1d1a', '#ffffff', '#e5484d', '#f5a524', '#30a46c', '#3e63dd', '#8e4ec6', '#a18072'] as const
const MOST_UNDO = 20

/** A first frame that can be drawn on. */
export class Pad {
  readonly element: HTMLElement
  readonly #canvas = h('canvas', {
    class: 'pad',
    width: SIDE,
    height: SIDE,
    role: 'img',
    'aria-label': 'First frame: draw on it',
  })
  readonly #undo: ImageData[] = []
  #colour: string = COLOURS[2]
  #width = 26

  /** @param onChange is told when a line ends, an undo, or a new picture */
  constructor(private readonly onChange: () => void) {
    this.#draw()
    const swatches = COLOURS.map((colour) => {
      const input = h('input', { type: 'radio', name: 'colour', value: colour, checked: colour === this.#colour })
      input.addEventListener('change', () => (this.#colour = colour))
      const dot = h('i', {})
      dot.style.setProperty('--colour', colour)
      return h('label', { title: colour }, input, dot)
    })
    const width = h('input', { type: 'range', min: 6, max: 80, value: '26', 'aria-label': 'Brush' })
    width.addEventListener('input', () => (this.#width = Number(width.value)))
    this.element = h(
      'div',
      { class: 'pad-tools' },
      h('div', { class: 'stage' }, this.#canvas),
      h(
        'div',
        { class: 'row brushes' },
        h('div', { class: 'swatches', role: 'radiogroup', 'aria-label': 'Colour' }, ...swatches),
        width,
        iconButton('undo', 'Undo', () => this.undo()),
      ),
    )
  }

  /** Puts a picture under the pen; what was drawn is gone. */
  show(picture: CanvasImageSource): void {
    this.#undo.length = 0
    const context = this.#context
    context.imageSmoothingQuality = 'high'
    context.drawImage(picture, 0, 0, SIDE, SIDE)
  }

  /** Takes back the last line. */
  undo(): void {
    const before = this.#undo.pop()
    if (!before) return
    this.#context.putImageData(before, 0, 0)
    this.onChange()
  }

  /** The frame as it is drawn. */
  get picture(): Picture {
    return pictureOf(this.#canvas)
  }

  get #context(): CanvasRenderingContext2D {
    return this.#canvas.getContext('2d', { willReadFrequently: true })!
  }

  #draw(): void {
    const canvas = this.#canvas
    const place = (event: PointerEvent) => {
      const box = canvas.getBoundingClientRect()
      return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height] as const
    }
    let last: readonly [number, number] | undefined
    const line = (to: readonly [number, number]) => {
      const context = this.#context
      Object.assign(context, { strokeStyle: this.#colour, lineWidth: this.#width, lineCap: 'round' })
      context.beginPath()
      context.moveTo(...(last ?? to))
      context.lineTo(...to)
      context.stroke()
      last = to
    }
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      this.#undo.push(this.#context.getImageData(0, 0, SIDE, SIDE))
      if (this.#undo.length > MOST_UNDO) this.#undo.shift()
      last = undefined
      line(place(event))
    })
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) line(place(event))
    })
    canvas.addEventListener('pointerup', () => this.onChange())
  }
}
