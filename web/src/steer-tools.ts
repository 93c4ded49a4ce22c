import { BrushLayer } from './brush-layer.js'
import { h, icon, iconButton, segmented, slider, toggle } from './dom.js'
import type { Player } from './player.js'
import { PullLayer } from './pull-layer.js'
import type { Rough } from './rough.js'
import type { Pin, Stroke } from './steering.js'
import type { Store } from './store.js'
import { Timeline } from './timeline.js'

type Tool = 'watch' | 'pull' | 'brush'

/** The tools that say how the picture moves: what lies on the stage, and what lies below it. */
export interface SteerTools {
  readonly layers: readonly HTMLElement[]
  readonly bar: HTMLElement
  readonly timeline: Timeline
  /** Whether the stage is only looked at. */
  readonly isWatching: () => boolean
}

/** Pins, brush, and steps back and forward, for the clip on a player's first screen. */
export function steerTools(store: Store, rough: Rough, player: Player): SteerTools {
  let tool: Tool = 'watch'
  /** Whether the clip is to play on once nothing is held. */
  let plays = player.isPlaying
  const stop = (at: number) => {
    plays ||= player.isPlaying
    player.hold(at)
  }
  const goOn = () => {
    if (plays) player.play()
    plays = false
  }
  const pinTools = pinOptions({
    add: () => pull.add(),
    remove: () => pull.remove(),
    change: (part) => pull.change(part),
  })
  const pull: PullLayer = new PullLayer(store, rough, {
    // The picture at which the part is where the arrow points.
    onPull: ({ back }) => {
      const { facts, settings } = store.state
      const last = (facts?.native.frames ?? 1) - 1
      stop(back || settings.loop ? Math.floor(last / 2) : last)
    },
    onEnd: goOn,
    onChoose: (pin) => pinTools.describe(pin),
  })
  const brush = new BrushLayer(store, rough, (isDown) => (isDown ? stop(0) : goOn()))

  const undo = iconButton('undo', 'Undo (Ctrl+Z)', () => timeline.undo())
  const redo = iconButton('redo', 'Redo (Ctrl+Shift+Z)', () => timeline.redo())
  const timeline = new Timeline(store, (canUndo, canRedo) => {
    undo.disabled = !canUndo
    redo.disabled = !canRedo
  })
  const choose = (chosen: Tool) => {
    tool = chosen
    if (tool === 'watch') goOn()
    else if (store.state.shown) stop(0)
    show()
  }
  const tools = segmented<Tool>(
    'What the stage is for',
    [
      ['watch', 'Watch'],
      ['pull', 'Pull'],
      ['brush', 'Brush'],
    ],
    tool,
    choose,
  )
  const brushing = brushOptions(brush, store)
  const show = () => {
    const { source } = store.state
    for (const [name, parts] of [
      ['pull', [pull.element, pinTools.element]],
      ['brush', [brush.element, brushing]],
    ] as const)
      for (const part of parts) part.hidden = !source || tool !== name
  }
  store.on(['source'], ({ source }) => {
    tools.hidden = !source
    show()
  })
  const bar = h('div', { class: 'steer' }, h('div', { class: 'row' }, tools, undo, redo), pinTools.element, brushing)
  return { layers: [brush.element, pull.element], bar, timeline, isWatching: () => tool === 'watch' }
}

function pinOptions(pull: Pick<PullLayer, 'add' | 'remove' | 'change'>) {
  const hint = h(
    'p',
    { class: 'hint', id: 'pull-keys' },
    'Press on a part, and pull it to where it goes. By keys: the arrows move the end, with Shift the whole pin.',
  )
  const radius = slider({
    label: 'How much goes along',
    min: 0.04,
    max: 0.5,
    step: 0.01,
    value: 0.14,
    show: (value) => `${Math.round(200 * value)} % across`,
    onInput: (value) => pull.change({ radius: value }),
  })
  const back = toggle('Comes back', 'There and back again, within the clip', (on) => pull.change({ back: on }))
  const add = h('button', { type: 'button', class: 'quiet', onclick: () => pull.add() }, icon('pin'), 'Add a pin')
  const remove = h('button', { type: 'button', class: 'quiet', onclick: () => pull.remove() }, 'Remove pin')
  const element = h(
    'div',
    { class: 'tool', hidden: true },
    hint,
    h('div', { class: 'row' }, add, remove, back),
    radius.element,
  )
  const describe = (pin: Pin | undefined) => {
    remove.disabled = !pin
    back.hidden = radius.element.hidden = !pin
    if (!pin) return
    radius.set(pin.radius)
    back.querySelector('input')!.checked = pin.back
  }
  describe(undefined)
  return { element, describe }
}

function brushOptions(brush: BrushLayer, store: Store): HTMLElement {
  const kinds = segmented<Stroke['kind']>(
    'What the brush says',
    [
      ['stays', 'This stays'],
      ['moves', 'This moves'],
    ],
    brush.kind,
    (kind) => (brush.kind = kind),
  )
  const width = slider({
    label: 'Width of the brush',
    min: 0.04,
    max: 0.5,
    step: 0.01,
    value: brush.width,
    show: (value) => `${Math.round(100 * value)} %`,
    onInput: (value) => (brush.width = value),
  })
  const clear = h('button', { type: 'button', class: 'quiet' }, 'Clear')
  clear.addEventListener('click', () => store.set({ strokes: [] }))
  store.on(['strokes'], ({ strokes }) => (clear.disabled = strokes.length === 0))
  return h(
    'div',
    { class: 'tool', hidden: true },
    h('p', { class: 'hint' }, 'Paint what stays as it is: it is shaded. Or begin with what moves: all else stays.'),
    h('div', { class: 'row' }, kinds, clear),
    width.element,
  )
}
