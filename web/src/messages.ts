import { UserError } from '../../src/web/index.js'
import { h } from './dom.js'

const region = h('div', { class: 'messages', role: 'status', 'aria-live': 'polite' })
const spoken = h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' })

/** Something to do about a message. */
interface Action {
  readonly label: string
  readonly run: () => void
}

/** Where messages appear, and what is only read out. */
export function messageRegions(): readonly HTMLElement[] {
  return [region, spoken]
}

/** Reads a sentence out, for those who do not see. */
export function announce(text: string): void {
  spoken.textContent = text
}

/** Shows a sentence for a while. */
export function say(text: string, kind: 'note' | 'error' = 'note', action?: Action): void {
  const message = h('p', { class: `message ${kind}` }, h('span', {}, text))
  const act = () => {
    message.remove()
    action!.run()
  }
  if (action) message.append(h('button', { type: 'button', class: 'quiet', onclick: act }, action.label))
  message.append(
    h('button', { type: 'button', class: 'close', 'aria-label': 'Dismiss', onclick: () => message.remove() }, '×'),
  )
  region.replaceChildren(message)
  setTimeout(() => message.remove(), kind === 'error' || action ? 12_000 : 5_000)
}

/** Shows what went wrong: a mistake of the user's in its own words, one of the program's with a word of regret. */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  const { message } = error instanceof Error ? error : new Error(String(error))
  const text = error instanceof UserError ? message : `That did not work: ${message}`
  say(text.charAt(0).toUpperCase() + text.slice(1), 'error')
}
