type Child = Node | string | false | undefined

/** What an element is made with: attributes, `on*` listeners, and properties that have no attribute. */
export type Props = Readonly<Record<string, string | number | boolean | undefined | ((event: never) => void)>>

/** Makes an element: `h('button', { class: 'quiet', onclick: save }, 'Save')`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value as unknown as EventListener)
    else if (name in element && name !== 'list' && typeof value !== 'string') Reflect.set(element, name, value)
    else element.setAttribute(name, value === true ? '' : `${value as string | number}`)
  }
  element.append(...children.filter((child) => child !== false && child !== undefined))
  return element
}

/** Shapes of 24 x 24, drawn with strokes. */
const ICONS = {
  play: 'M8 5.5v13l10.5-6.5z',
  pause: 'M8 5.5v13M16 5.5v13',
  dice: 'M7 4h10a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V7a3 3 0 0 1 3-3zM8.6 8.6v0M15.4 15.4v0M12 12v0M15.4 8.6v0M8.6 15.4v0',
  onion: 'M4 8h10v10H4zM8 8V5h11v11h-5',
  theme: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v16',
  open: 'M12 16V5m0 0L8 9m4-4 4 4M5 15v4h14v-4',
  save: 'M12 5v11m0 0 4-4m-4 4-4-4M5 15v4h14v-4',
  undo: 'M9 7 5 11l4 4M5 11h9a5 5 0 0 1 0 10h-2',
  repeat: 'M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3M20 13v2a3 3 0 0 1-3 3H4',
} as const

/** One of the icons. */
export type Icon = keyof typeof ICONS

/** An icon as an element. */
export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }))
    svg.setAttribute(key, value)
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', ICONS[name])
  svg.append(path)
  return svg
}

/** A slider with its name and its value; `onInput` is told while it is dragged. */
export function slider(options: {
  readonly label: string
  readonly min: number
  readonly max: number
  readonly step?: number
  readonly value: number
  readonly hint?: string
  readonly show?: (value: number) => string
  readonly onInput: (value: number) => void
}): { readonly element: HTMLElement; readonly input: HTMLInputElement; set(value: number): void } {
  const { label, min, max, step = 1, value, hint, show = String, onInput } = options
  const output = h('output', {}, show(value))
  const input = h('input', { type: 'range', min, max, step, value: String(value), 'aria-label': label })
  const paint = () => {
    input.style.setProperty('--fill', `${((Number(input.value) - min) / (max - min)) * 100}%`)
    output.textContent = show(Number(input.value))
  }
  input.addEventListener('input', () => {
    paint()
    onInput(Number(input.value))
  })
  paint()
  const element = h('label', { class: 'slider', title: hint ?? '' }, h('span', {}, label), output, input)
  return {
    element,
    input,
    set(next) {
      input.value = String(next)
      paint()
    },
  }
}

/** A switch with a name. */
export function toggle(label: string, hint: string, onChange: (on: boolean) => void): HTMLLabelElement {
  const input = h('input', { type: 'checkbox', role: 'switch', onchange: () => onChange(input.checked) })
  return h('label', { class: 'toggle', title: hint }, h('span', {}, label), input, h('i', { 'aria-hidden': 'true' }))
}

/** A few choices in a row, of which one holds. */
export function segmented<T extends string>(
  name: string,
  choices: readonly (readonly [value: T, label: string])[],
  chosen: T,
  onChange: (value: T) => void,
): HTMLElement {
  const options = choices.map(([value, label]) =>
    h(
      'label',
      {},
      h('input', { type: 'radio', name, value, checked: value === chosen, onchange: () => onChange(value) }),
      h('span', {}, label),
    ),
  )
  return h('div', { class: 'segmented', role: 'radiogroup', 'aria-label': name }, ...options)
}

/** A button with an icon, whose name is read out. */
export function iconButton(name: Icon, label: string, onClick: () => void): HTMLButtonElement {
  return h(
    'button',
    { class: 'icon-button', type: 'button', title: label, 'aria-label': label, onclick: onClick },
    icon(name),
  )
}
