import { DragGesture } from '@use-gesture/vanilla'
import { h } from './dom.js'
import { madeOf } from './maker.js'
import { drawCrop } from './picture.js'
import { Player } from './player.js'
import type { Rough } from './rough.js'
import { steerTools } from './steer-tools.js'
import { TRIES, type Made, type Store } from './store.js'
import type { Timeline } from './timeline.js'

/** A view of the studio, and what plays in it. */
export interface View {
  readonly element: HTMLElement
  readonly player: Player
}

/**
 * The clip that is looked at, large, and the four tries below it, of which one is picked.
 *
 * @param keep takes a rough clip that is to be kept as it is
 */
export function makeView(
  store: Store,
  rough: Rough,
  keep: (made: Made) => void,
): View & { readonly timeline: Timeline } {
  const player = new Player()
  const keepSketch = h('button', { type: 'button', class: 'quiet', title: 'Take it as it is' }, 'Keep it')
  const sketch = h('div', { class: 'sketch', hidden: true }, h('span', {}, 'A sketch: the clip follows'), keepSketch)
  keepSketch.addEventListener('click', () => {
    const { rough: sketched, source, settings } = store.state
    if (sketched && source) keep(madeOf(sketched, source.name, settings.seed))
  })
  const { layers, bar, timeline, isWatching } = steerTools(store, rough, player)
  const stage = h('div', { class: 'stage' }, player.addScreen('The clip'), ...layers, sketch)
  const still = document.createElement('canvas')
  const choices = Array.from({ length: TRIES }, (_, index) => {
    const input = h('input', { type: 'radio', name: 'try', value: String(index), disabled: true })
    input.addEventListener('change', () => store.set({ shown: store.state.tries[index] }))
    const screen = player.addScreen(`Try ${index + 1}`)
    return { input, element: h('label', { class: 'try' }, input, h('span', { class: 'checks' }, screen)) }
  })
  const note = h('p', { class: 'hint note' })
  const tries = h(
    'div',
    { class: 'tries', role: 'radiogroup', 'aria-label': 'Four tries: pick one' },
    ...choices.map(({ element }) => element),
  )

  store.on(['tries', 'shown', 'source', 'crop', 'facts', 'rough'], (state) => {
    const { tries, shown, source, crop, facts, rough: sketched } = state
    sketch.hidden = !sketched
    if (!shown && !sketched && source) {
      const { width, height } = facts?.native ?? source.bitmap
      Object.assign(still, { width, height })
      drawCrop(still, source.bitmap, crop)
      player.preview(still)
    } else player.load(sketched ?? shown?.clip)
    for (const [index, { input, element }] of choices.entries()) {
      const made = tries[index]
      player.load(made?.clip, index + 1)
      input.disabled = !made
      input.checked = made !== undefined && made.id === shown?.id
      element.classList.toggle('empty', !made)
    }
  })
  store.on(['look'], ({ look }) => (player.look = look))
  store.on(['areOld', 'work', 'shown', 'source', 'rough'], ({ areOld, work, shown, source, rough: sketched }) => {
    stage.classList.toggle('waiting', !shown && !sketched)
    stage.classList.toggle('old', areOld && work !== undefined && !sketched)
    tries.classList.toggle('old', areOld)
    note.textContent =
      areOld && !work && source ? 'These are from before your last change. “Another try” makes new ones.' : ''
  })
  new DragGesture(
    stage,
    ({ swipe: [across] }) => {
      if (across !== 0 && isWatching()) pickBeside(store, -across)
    },
    { axis: 'x', swipe: { distance: 30 } },
  )
  const element = h('section', { class: 'view make', 'aria-label': 'Make' }, stage, player.controls, bar, tries, note)
  return { element, player, timeline }
}

/** Picks the try after the one that is looked at, or the one before it. */
function pickBeside(store: Store, by: number): void {
  const { tries, shown } = store.state
  const at = tries.findIndex((made) => made !== undefined && made.id === shown?.id)
  const beside = tries[at + by]
  if (at >= 0 && beside) store.set({ shown: beside })
}
