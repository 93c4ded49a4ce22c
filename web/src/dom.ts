import {
  Contrast,
  Copy,
  createElement,
  Dices,
  Download,
  Film,
  ImagePlus,
  Layers,
  MapPin,
  Package,
  Pause,
  Play,
  Redo2,
  Repeat,
  Share2,
  Star,
  Trash2,
  Undo2,
  X,
} from 'lucide'

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

const ICONS = {
  play: Play,
  pause: Pause,
  onion: Layers,
  theme: Contrast,
  open: ImagePlus,
  save: Download,
  undo: Undo2,
  redo: Redo2,
  tries: Dices,
  repeat: Repeat,
  star: Star,
  delete: Trash2,
  pack: Package,
  pin: MapPin,
  share: Share2,
  copy: Copy,
  video: Film,
  stop: X,
} as const

/** One of the icons. */
export type Icon = keyof typeof ICONS

/** An icon as an element. */
export function icon(name: Icon): SVGElement {
  return createElement(ICONS[name], { class: 'icon', 'aria-hidden': 'true' })
}

/** Makes an element of SVG. */
export function svg(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  return element
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

/** Gives an icon button another icon and name. */
export function setIcon(button: HTMLButtonElement, name: Icon, label: string): void {
  button.replaceChildren(icon(name))
  button.title = label
  button.setAttribute('aria-label', label)
}

/** A button that opens a file of the user's. */
export function fileButton(label: string, accept: string, take: (file: File) => unknown, name: Icon = 'open') {
  const input = h('input', { type: 'file', accept, hidden: true })
  input.addEventListener('change', () => {
    if (input.files?.[0]) void take(input.files[0])
    input.value = ''
  })
  return h(
    'span',
    { class: 'file' },
    h('button', { type: 'button', class: 'quiet', onclick: () => input.click() }, icon(name), label),
    input,
  )
}

/** A number of bytes in words. */
export function kilobytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KB`
}
