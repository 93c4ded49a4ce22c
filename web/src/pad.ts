import type { Picture } from '../../src/web/index.js'
import { h, iconButton } from './dom.js'
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
/** Pixels of the drawing that an arrow key moves the pen by. */
const KEY_STEP = 16

type Place = readonly [x: number, y: number]

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
  #colour: string = COLOURS.Red
  #width = 26
  /** Where the line that is being drawn has come. */
  #last: Place | undefined

  /** @param onChange is told when a line ends, an undo, or a new picture */
  constructor(private readonly onChange: () => void) {
    this.#drawByPointer()
    this.#drawByKeys()
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
        iconButton('undo', 'Undo (Ctrl+Z)', () => this.undo()),
      ),
      h('label', { class: 'brush' }, h('span', {}, 'Brush'), width),
    )
  }

  /** Puts a picture under the pen, on white, whose middle fills frames of the size; what was drawn is gone. */
  show(picture: ImageBitmap | HTMLCanvasElement, { width, height }: Size): void {
    this.#undo.length = 0
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

  #begin(at: Place): void {
    this.#undo.push(this.#context.getImageData(0, 0, this.#canvas.width, this.#canvas.height))
    if (this.#undo.length > MOST_UNDO) this.#undo.shift()
    this.#last = at
    this.#line(at)
  }

  #line(to: Place): void {
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

  #drawByPointer(): void {
    const canvas = this.#canvas
    const place = (event: PointerEvent): Place => {
      const box = canvas.getBoundingClientRect()
      const scale = canvas.width / box.width
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]
    }
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      this.#begin(place(event))
    })
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.#line(place(event))
    })
    canvas.addEventListener('pointerup', () => this.#end())
    canvas.addEventListener('pointercancel', () => this.#end())
  }

  /** The arrow keys move the pen, the space bar lowers and lifts it. */
  #drawByKeys(): void {
    let at: Place = [SIDE / 2, SIDE / 2]
    const sides = () => [this.#canvas.width, this.#canvas.height] as const
    const showPen = () => {
      const [left, top] = at.map((value, axis) => `${(100 * value) / sides()[axis]!}%`)
      Object.assign(this.#pen.style, { left, top, width: `${(100 * this.#width) / this.#canvas.width}%` })
      this.#pen.classList.toggle('down', this.#last !== undefined)
    }
    this.#canvas.addEventListener('focus', showPen)
    this.#canvas.addEventListener('blur', () => this.#end())
    this.#canvas.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
      const isUndo = event.key === 'z' && (event.ctrlKey || event.metaKey)
      if (isUndo) this.undo()
      else if (event.key === ' ' && !event.repeat) {
        if (this.#last) this.#end()
        else this.#begin(at)
      } else if (by) {
        at = at.map((value, axis) =>
          Math.min(sides()[axis]!, Math.max(0, value + KEY_STEP * by[axis]!)),
        ) as unknown as Place
        if (this.#last) this.#line(at)
      } else return
      // Elsewhere these keys move the clip.
      event.preventDefault()
      event.stopPropagation()
      showPen()
    })
  }
}
