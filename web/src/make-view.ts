import { h } from './dom.js'
import { drawCrop } from './picture.js'
import { Player } from './player.js'
import { TRIES, type Store } from './store.js'

/** A view of the studio, and what plays in it. */
export interface View {
  readonly element: HTMLElement
  readonly player: Player
}

/** The clip that is looked at, large, and the four tries below it, of which one is picked. */
export function makeView(store: Store): View {
  const player = new Player()
  const stage = h('div', { class: 'stage' }, player.addScreen('The clip'))
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

  store.on(['tries', 'shown', 'source', 'crop', 'facts'], ({ tries, shown, source, crop, facts }) => {
    if (!shown && source) {
      const { width, height } = facts?.native ?? source.bitmap
      Object.assign(still, { width, height })
      drawCrop(still, source.bitmap, crop)
      player.preview(still)
    } else player.load(shown?.clip)
    for (const [index, { input, element }] of choices.entries()) {
      const made = tries[index]
      player.load(made?.clip, index + 1)
      input.disabled = !made
      input.checked = made !== undefined && made.id === shown?.id
      element.classList.toggle('empty', !made)
    }
  })
  store.on(['look'], ({ look }) => (player.look = look))
  store.on(['areOld', 'work', 'shown', 'source'], ({ areOld, work, shown, source }) => {
    stage.classList.toggle('waiting', !shown)
    stage.classList.toggle('old', areOld && work !== undefined)
    tries.classList.toggle('old', areOld)
    note.textContent =
      areOld && !work && source ? 'These are from before your last change. “Another try” makes new ones.' : ''
  })
  const element = h('section', { class: 'view make', 'aria-label': 'Make' }, stage, player.controls, tries, note)
  return { element, player }
}
