import type { Picture } from '../../src/web/index.js'
import { h, iconButton } from './dom.js'
import { drawWithPen, type Pixel } from './pen.js'
import { CENTRED, drawCrop, pictureOf, type Size } from './picture.js'

/** The longer side of the drawing in pixels; frames are smaller, lines should not be. */
const SIDE = 512
const COLOURS = {
  Black: '#1f1d1a',
  White: '#ffffff',
  Red: '#e5484d',
  Yellow: '#f5a524',
  Green: '#30a46c',
  Blue: '#3e63dd',
  Violet: '#8e4ec6',
  Brown: '#a18072',
} as const
const MOST_UNDO = 20

/** A first frame that can be drawn on. */
export class Pad {
  readonly element: HTMLElement
  readonly #canvas = h('canvas', {
    class: 'pad',
    width: SIDE,
    height: SIDE,
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'drawing',
    'aria-label': 'First picture: draw on it, or move the pen by the arrow keys and lower or lift it by the space bar',
  })
  /** Where the keys would draw. */
  readonly #pen = h('i', { class: 'pen', 'aria-hidden': 'true' })
  readonly #undo: ImageData[] = []
  readonly #redo: ImageData[] = []
  #colour: string = COLOURS.Red
  #width = 26
  /** Where the line that is being drawn has come. */
  #last: Pixel | undefined

  /** @param onChange is told when a line ends, an undo, or a new picture */
  constructor(private readonly onChange: () => void) {
    drawWithPen(this.#canvas, this.#pen, {
      begin: (at) => this.#begin(at),
      line: (to) => this.#line(to),
      end: () => this.#end(),
      isDown: () => this.#last !== undefined,
      width: () => this.#width,
    })
    const swatches = Object.entries(COLOURS).map(([name, colour]) => {
      const input = h('input', { type: 'radio', name: 'colour', value: colour, checked: colour === this.#colour })
      input.addEventListener('change', () => (this.#colour = colour))
      const dot = h('i', {})
      dot.style.setProperty('--colour', colour)
      return h('label', { title: name }, h('span', { class: 'unseen' }, name), input, dot)
    })
    const width = h('input', { type: 'range', min: 6, max: 80, value: '26', 'aria-label': 'Brush' })
    width.addEventListener('input', () => (this.#width = Number(width.value)))
    this.element = h(
      'div',
      { class: 'pad-tools' },
      h('div', { class: 'stage' }, this.#canvas, this.#pen),
      h(
        'div',
        { class: 'row brushes' },
        h('div', { class: 'swatches', role: 'radiogroup', 'aria-label': 'Colour' }, ...swatches),
        h(
          'div',
          { class: 'row' },
          iconButton('undo', 'Undo the line (Ctrl+Z)', () => this.undo()),
          iconButton('redo', 'Draw it again (Ctrl+Shift+Z)', () => this.redo()),
        ),
      ),
      h('label', { class: 'brush' }, h('span', {}, 'Brush'), width),
    )
  }

  /** Puts a picture under the pen, on white, whose middle fills frames of the size; what was drawn is gone. */
  show(picture: ImageBitmap | HTMLCanvasElement, { width, height }: Size): void {
    this.#undo.length = this.#redo.length = 0
    const scale = SIDE / Math.max(width, height)
    const canvas = this.#canvas
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) })
    drawCrop(canvas, picture, CENTRED)
    const context = this.#context
    context.globalCompositeOperation = 'destination-over'
    context.fillStyle = '#ffffff'
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.globalCompositeOperation = 'source-over'
  }

  /** Takes back the last line. */
  undo(): void {
    this.#move(this.#undo, this.#redo)
  }

  /** Draws the line again that was taken back last. */
  redo(): void {
    this.#move(this.#redo, this.#undo)
  }

  /** The frame as it is drawn. */
  get picture(): Picture {
    return pictureOf(this.#canvas)
  }

  get #context(): CanvasRenderingContext2D {
    return this.#canvas.getContext('2d', { willReadFrequently: true })!
  }

  get #pixels(): ImageData {
    return this.#context.getImageData(0, 0, this.#canvas.width, this.#canvas.height)
  }

  #move(from: ImageData[], to: ImageData[]): void {
    const pixels = from.pop()
    if (!pixels) return
    to.push(this.#pixels)
    this.#context.putImageData(pixels, 0, 0)
    this.onChange()
  }

  #begin(at: Pixel): void {
    this.#redo.length = 0
    this.#undo.push(this.#pixels)
    if (this.#undo.length > MOST_UNDO) this.#undo.shift()
    this.#last = at
    this.#line(at)
  }

  #line(to: Pixel): void {
    const context = this.#context
    Object.assign(context, { strokeStyle: this.#colour, lineWidth: this.#width, lineCap: 'round' })
    context.beginPath()
    context.moveTo(...(this.#last ?? to))
    context.lineTo(...to)
    context.stroke()
    this.#last = to
  }

  #end(): void {
    if (!this.#last) return
    this.#last = undefined
    this.onChange()
  }
}
