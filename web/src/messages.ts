import { UserError } from '../../src/web/index.js'
import { h } from './dom.js'

const region = h('div', { class: 'messages', role: 'status', 'aria-live': 'polite' })

/** Where messages appear. */
export function messageRegion(): HTMLElement {
  return region
}

/** Shows a sentence for a while. */
export function say(text: string, kind: 'note' | 'error' = 'note'): void {
  const message = h('p', { class: `message ${kind}` }, text)
  const close = h('button', { type: 'button', 'aria-label': 'Dismiss', onclick: () => message.remove() }, '×')
  message.append(close)
  region.replaceChildren(message)
  setTimeout(() => message.remove(), kind === 'error' ? 12_000 : 5_000)
}

/** Shows what went wrong: a mistake of the user's in its own words, one of the program's with a word of regret. */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  const { message } = error instanceof Error ? error : new Error(String(error))
  const text = error instanceof UserError ? message : `That did not work: ${message}`
  say(text.charAt(0).toUpperCase() + text.slice(1), 'error')
}
