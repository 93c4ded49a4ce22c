import { Gesture } from '@use-gesture/vanilla'
import { fileButton, h, slider } from './dom.js'
import { CENTRED, cropScale, drawCrop, type Crop } from './picture.js'
import type { Store } from './store.js'
import { unlikeNote } from './unlike-note.js'

/** The longer side of the preview's canvas in pixels; it is shown smaller. */
const PREVIEW = 512
const [LEAST_ZOOM, MOST_ZOOM] = [0.4, 4]
/** Pixels that an arrow key moves the picture by. */
const KEY_STEP = 4

/** The panel of the picture: which part of it is taken, and how to take another one. */
export function picturePanel(store: Store, open: (file: File) => unknown, examples: HTMLElement): HTMLElement {
  const canvas = h('canvas', {
    width: PREVIEW,
    height: PREVIEW,
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'crop',
    'aria-label': 'Part of the picture: drag it, or move it by the arrow keys',
  })
  const change = (part: Partial<Crop>) => store.set({ crop: { ...store.state.crop, ...part } })
  const zoom = slider({
    label: 'Size',
    min: LEAST_ZOOM,
    max: MOST_ZOOM,
    step: 0.02,
    value: 1,
    hint: 'How large the picture is in the frame',
    show: (value) => `${Math.round(value * 100)} %`,
    onInput: (value) => change({ zoom: value }),
  })
  const setZoom = (value: number) => change({ zoom: Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, value)) })
  const move = (dx: number, dy: number) => {
    const { source, crop } = store.state
    if (!source) return
    const shown = (canvas.clientWidth / canvas.width) * cropScale(canvas, source.bitmap, crop.zoom)
    const within = (share: number) => Math.min(1, Math.max(0, share))
    const { width, height } = source.bitmap
    change({ x: within(crop.x - dx / (width * shown)), y: within(crop.y - dy / (height * shown)) })
  }
  new Gesture(
    canvas,
    {
      onDrag: ({ delta: [dx, dy], pinching }) => {
        if (!pinching) move(dx, dy)
      },
      onPinch: ({ delta: [scale], event }) => {
        event.preventDefault()
        setZoom(store.state.crop.zoom * (1 + scale))
      },
      onWheel: ({ delta: [, dy], event }) => {
        event.preventDefault()
        setZoom(store.state.crop.zoom * 1.0015 ** -dy)
      },
    },
    { eventOptions: { passive: false } },
  )
  canvas.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    const zoomBy = { '+': 1.05, '-': 1 / 1.05 }[event.key]
    if (by) move(KEY_STEP * by[0]!, KEY_STEP * by[1]!)
    else if (zoomBy) setZoom(store.state.crop.zoom * zoomBy)
    else return
    event.preventDefault()
    event.stopPropagation()
  })
  store.on(['facts', 'source', 'crop'], ({ facts, source, crop }) => {
    if (!source) return
    // Until the model has said what its clips are like, the picture keeps its own shape.
    const { width, height } = facts?.native ?? source.bitmap
    const scale = PREVIEW / Math.max(width, height)
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)]
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h })
    drawCrop(canvas, source.bitmap, crop)
    zoom.set(crop.zoom)
  })
  return h(
    'section',
    { class: 'panel source', 'aria-label': 'Picture' },
    h('div', { class: 'cropper checks' }, canvas),
    unlikeNote(store),
    zoom.element,
    h(
      'div',
      { class: 'row' },
      fileButton('New picture…', 'image/*,video/*', open),
      h('button', { type: 'button', class: 'quiet', onclick: () => store.set({ crop: CENTRED }) }, 'Centre'),
    ),
    examples,
  )
}
