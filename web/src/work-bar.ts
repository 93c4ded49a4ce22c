import { h, icon } from './dom.js'
import type { Store } from './store.js'

/** What runs, how far it is, and an end to it: the same for all views. */
export function workBar(store: Store): HTMLElement {
  const text = h('span', {})
  const progress = h('progress', { max: 1, 'aria-label': 'Progress' })
  const cancel = h('button', { type: 'button', class: 'quiet' }, icon('stop'), 'Cancel')
  cancel.addEventListener('click', () => store.state.work?.cancel())
  const element = h('div', { class: 'work' }, text, progress, cancel)
  store.on(['work'], ({ work }) => {
    element.classList.toggle('idle', !work)
    cancel.disabled = !work
    text.textContent = work ? `${work.text}…` : ''
    if (work?.share === undefined) progress.removeAttribute('value')
    else progress.value = work.share
  })
  return element
}
