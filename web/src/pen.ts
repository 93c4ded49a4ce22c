/** A place in pixels of a canvas. */
export type Pixel = readonly [x: number, y: number]

/** What is drawn by a pen. */
export interface Drawing {
  readonly begin: (at: Pixel) => void
  readonly line: (to: Pixel) => void
  /** Whether or not a line was begun. */
  readonly end: () => void
  /** Whether a line is being drawn. */
  readonly isDown: () => boolean
  /** The width of lines in pixels of the canvas. */
  readonly width: () => number
}

/** Shares of the longer side that an arrow key moves the pen by. */
const KEY_STEP = 1 / 32

/**
 * Lets one draw on a canvas: by pointer, and by keys. The arrow keys move the pen, the space bar lowers and lifts it.
 *
 * @param mark shows where the keys would draw
 */
export function drawWithPen(canvas: HTMLCanvasElement, mark: HTMLElement, drawing: Drawing): void {
  const place = (event: PointerEvent): Pixel => {
    const box = canvas.getBoundingClientRect()
    const scale = canvas.width / box.width
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]
  }
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId)
    drawing.begin(place(event))
  })
  canvas.addEventListener('pointermove', (event) => {
    if (canvas.hasPointerCapture(event.pointerId) && drawing.isDown()) drawing.line(place(event))
  })
  canvas.addEventListener('pointerup', drawing.end)
  canvas.addEventListener('pointercancel', drawing.end)

  let shares: Pixel = [0.5, 0.5]
  const at = (): Pixel => [shares[0] * canvas.width, shares[1] * canvas.height]
  const showMark = () => {
    const [left, top] = shares.map((share) => `${100 * share}%`)
    Object.assign(mark.style, { left, top, width: `${(100 * drawing.width()) / canvas.width}%` })
    mark.classList.toggle('down', drawing.isDown())
  }
  canvas.addEventListener('focus', showMark)
  canvas.addEventListener('blur', drawing.end)
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const by = arrowOf(event.key)
    if (event.key === ' ' && !event.repeat) {
      if (drawing.isDown()) drawing.end()
      else drawing.begin(at())
    } else if (by) {
      const step = KEY_STEP * Math.max(canvas.width, canvas.height)
      const within = (share: number) => Math.min(1, Math.max(0, share))
      shares = [within(shares[0] + (by[0] * step) / canvas.width), within(shares[1] + (by[1] * step) / canvas.height)]
      if (drawing.isDown()) drawing.line(at())
    } else return
    // Elsewhere these keys move the clip.
    event.preventDefault()
    event.stopPropagation()
    showMark()
  })
}

/** Which way an arrow key points: right and down. */
export function arrowOf(key: string): Pixel | undefined {
  const arrows: Readonly<Record<string, Pixel>> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  }
  return arrows[key]
}
