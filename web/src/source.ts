import type { Picture } from '../../src/web/index.js'
import { h, icon, slider } from './dom.js'
import { complain } from './messages.js'
import { CENTRED, cropped, drawCrop, openBitmap, type Crop } from './picture.js'

/** Fluent emoji that exist as stills alone. */
const SHELF = [
  'balloon',
  'cactus',
  'cupcake',
  'sunflower',
  'crown',
  'mushroom',
  'guitar',
  'strawberry',
  'house',
  'avocado',
  'gift',
  'banana',
] as const

/** Pixels of the preview's canvas; it is shown smaller. */
const PREVIEW = 512

/** Where the picture comes from: a drop, the clipboard, a file, or the shelf; and which square of it is taken. */
export class Source {
  readonly element: HTMLElement
  #bitmap: ImageBitmap | undefined
  #crop: Crop = { ...CENTRED }
  #background = '#ffffff'
  readonly #preview = h('canvas', { width: PREVIEW, height: PREVIEW, tabindex: 0, role: 'img' })
  readonly #zoom = slider({
    label: 'Size',
    min: 0.4,
    max: 4,
    step: 0.02,
    value: 1,
    hint: 'How large the figure is in the frame',
    show: (value) => `${Math.round(value * 100)} %`,
    onInput: (zoom) => this.#change({ zoom }),
  })

  /** @param onPicture is told of each new picture or crop */
  constructor(private readonly onPicture: (picture: Picture) => void) {
    this.#preview.setAttribute('aria-label', 'Crop: drag to move, arrow keys too')
    const input = h('input', { type: 'file', accept: 'image/*', hidden: true })
    input.addEventListener('change', () => {
      if (input.files?.[0]) void this.open(input.files[0])
      input.value = ''
    })
    const colour = h('input', { type: 'color', value: '#ffffff', 'aria-label': 'Background' })
    colour.addEventListener('input', () => {
      this.#background = colour.value
      this.#changed()
    })
    this.#drag()
    this.element = h(
      'section',
      { class: 'panel source', 'aria-label': 'Picture' },
      h(
        'div',
        { class: 'shelf', role: 'group', 'aria-label': 'Shelf' },
        ...SHELF.map((name) => this.#shelfButton(name)),
      ),
      h(
        'div',
        { class: 'cropping' },
        h(
          'div',
          { class: 'cropper' },
          this.#preview,
          h('p', { class: 'hint' }, 'Drop or paste a picture; drag to move it'),
        ),
        this.#zoom.element,
        h(
          'div',
          { class: 'row' },
          h('button', { type: 'button', class: 'quiet', onclick: () => input.click() }, icon('open'), 'Open…'),
          h('label', { class: 'swatch', title: 'Behind the figure' }, colour, h('span', {}, 'Background')),
          input,
        ),
      ),
    )
  }

  /** Takes the first figure of the shelf. */
  start(): void {
    this.element.querySelector<HTMLButtonElement>('.shelf button')?.click()
  }

  /** Opens a picture file; what it is not is said. */
  async open(file: Blob): Promise<void> {
    try {
      const bitmap = await openBitmap(file)
      this.#bitmap?.close()
      this.#bitmap = bitmap
      this.#crop = { ...CENTRED }
      this.#zoom.set(1)
      this.#markShelf(undefined)
      this.#changed()
    } catch (error) {
      complain(error)
    }
  }

  #shelfButton(name: string): HTMLButtonElement {
    const image = h('img', { src: `./shelf/${name}.webp`, alt: name, width: 128, height: 128, draggable: 'false' })
    const button = h('button', { type: 'button', title: name, 'aria-pressed': 'false' }, image)
    button.addEventListener('click', () => {
      void fetch(image.src)
        .then((response) => response.blob())
        .then((blob) => this.open(blob))
        .then(() => this.#markShelf(button))
        .catch(complain)
    })
    return button
  }

  #markShelf(chosen: HTMLElement | undefined): void {
    for (const button of this.element.querySelectorAll('.shelf button'))
      button.setAttribute('aria-pressed', String(button === chosen))
  }

  #change(change: Partial<Crop>): void {
    Object.assign(this.#crop, change)
    this.#changed()
  }

  #changed(): void {
    if (!this.#bitmap) return
    drawCrop(this.#preview, this.#bitmap, this.#crop, this.#background)
    this.onPicture(cropped(this.#bitmap, this.#crop, this.#background))
  }

  /** Moves the picture with the pointer or the arrow keys. */
  #drag(): void {
    const move = (dx: number, dy: number) => {
      if (!this.#bitmap) return
      const { width, height } = this.#bitmap
      const shown = (this.#preview.clientWidth / Math.min(width, height)) * this.#crop.zoom
      const within = (share: number) => Math.min(1, Math.max(0, share))
      this.#change({ x: within(this.#crop.x - dx / (width * shown)), y: within(this.#crop.y - dy / (height * shown)) })
    }
    this.#preview.addEventListener('pointerdown', (event) => this.#preview.setPointerCapture(event.pointerId))
    this.#preview.addEventListener('pointermove', (event) => {
      if (this.#preview.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY)
    })
    this.#preview.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4] }[event.key]
      if (!by) return
      event.preventDefault()
      event.stopPropagation()
      move(by[0]!, by[1]!)
    })
  }
}
