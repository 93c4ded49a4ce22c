/** What keys do anywhere on the page. */
export interface Shortcuts {
  readonly toggle: () => void
  readonly step: (by: number) => void
  readonly onion: () => void
  readonly again: () => void
  readonly undo: () => void
  readonly redo: () => void
}

/** Inputs that take letters. */
const TYPED = /^(text|number|search|email|url|password)$/

/**
 * Listens for the shortcuts. A key belongs to the control that has the focus where that uses it: letters to fields, arrows to
 * sliders and choices, the space bar to buttons and choices that were reached by keyboard. After a click it pauses the clip.
 */
export function listenForKeys({ toggle, step, onion, again, undo, redo }: Shortcuts): void {
  let byPointer = false
  addEventListener('pointerdown', () => (byPointer = true), true)
  addEventListener('keydown', (event) => event.key === 'Tab' && (byPointer = false), true)
  addEventListener('keydown', (event) => {
    if (event.altKey || event.defaultPrevented) return
    const { target } = event
    const kind = target instanceof HTMLInputElement ? target.type : ''
    const letter = event.key.toLowerCase()
    if ((event.ctrlKey || event.metaKey) && !TYPED.test(kind) && (letter === 'z' || letter === 'y')) {
      event.preventDefault()
      return letter === 'y' || event.shiftKey ? redo() : undo()
    }
    if (event.ctrlKey || event.metaKey) return
    if (TYPED.test(kind) || target instanceof HTMLSelectElement) return
    const takesArrows = kind === 'range' || kind === 'radio'
    const isPressed =
      target instanceof HTMLButtonElement ||
      ['radio', 'checkbox', 'color'].includes(kind) ||
      (target instanceof HTMLElement && target.tagName === 'SUMMARY')
    if (event.key === ' ' && (!isPressed || byPointer)) toggle()
    else if (event.key === 'ArrowRight' && !takesArrows) step(1)
    else if (event.key === 'ArrowLeft' && !takesArrows) step(-1)
    else if (event.key === 'o') onion()
    else if (event.key === 'r') again()
    else return
    event.preventDefault()
  })
  // Some browsers press a button when the space bar is let go.
  addEventListener('keyup', (event) => {
    if (event.key === ' ' && byPointer && event.target instanceof HTMLButtonElement) event.preventDefault()
  })
}
