import { fileButton, h, icon, segmented, slider, toggle } from './dom.js'
import { complain } from './messages.js'
import { openBitmap } from './picture.js'
import { isCutOut } from './reel.js'
import { TRIES, type Settings, type Store } from './store.js'

/** The most of the motion that models are told, as the settings have it. */
const MOST_MOTION = 255
/** The least noise that the slider has beside none, and how many times as much the most is. */
const [LEAST_NOISE, NOISE_RANGE] = [0.004, 250]

/**
 * The panel of what the clips shall be: plain words outside, numbers behind Details.
 *
 * @param model the choice of another model, which lies there too
 */
export function settingsPanel(store: Store, model: HTMLElement): HTMLElement {
  const change = (part: Partial<Settings>) => store.set({ settings: { ...store.state.settings, ...part } })
  const motion = slider({
    label: 'How much it moves',
    min: 0,
    max: MOST_MOTION,
    value: 0,
    hint: 'Less is cleaner',
    show: (value) => motionWord(value, store.state.facts?.defaults.motion),
    onInput: (value) => change({ motion: value }),
  })
  // The eye sees noise by its logarithm; the slider's left end is none.
  const noise = slider({
    label: 'Faithful – free',
    min: 0,
    max: 100,
    value: 0,
    hint: 'Faithful keeps the picture as it is; free lets it change as it moves',
    show: (share) => (share < 34 ? 'faithful' : share < 67 ? 'between' : 'free'),
    onInput: (share) => change({ noiseAug: noiseOf(share) }),
  })
  const loop = toggle('Ends where it begins', 'A loop without a jump; it takes twice as long', (on) =>
    change({ loop: on }),
  )
  const end = fileButton('Last picture…', 'image/*', (file) =>
    openBitmap(file).then((bitmap) => store.set({ end: { bitmap, name: file.name, isExample: false } }), complain),
  )
  const noEnd = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => store.set({ end: undefined }) },
    'Any ending',
  )
  const seed = numberField('Number of the first try', (value) => change({ seed: value }))
  const facts = h('p', { class: 'hint' })
  const detail = h('dl', { class: 'numbers' })
  const again = h(
    'button',
    {
      type: 'button',
      class: 'quiet wide',
      title: 'Four more of the same picture (r)',
      onclick: () => anotherTry(store),
    },
    icon('tries'),
    'Another try',
  )

  store.on(['tab', 'source'], ({ tab, source }) => (again.hidden = tab !== 'make' || !source))
  store.on(['facts', 'settings'], ({ facts: known, settings }) => {
    loop.hidden = !known?.abilities.loop
    loop.querySelector('input')!.checked = settings.loop
    motion.set(settings.motion ?? known?.defaults.motion ?? 0)
    noise.set(noiseShare(settings.noiseAug ?? known?.defaults.noiseAug ?? 0))
    seed.input.value = String(settings.seed)
    if (!known) return
    const { native, defaults } = known
    facts.textContent = `This model makes ${native.frames} pictures of ${native.width} × ${native.height}, ${defaults.fps} a second.`
    detail.replaceChildren(
      ...term('Motion', String(settings.motion ?? defaults.motion)),
      ...term('Noise on the picture', String(settings.noiseAug ?? defaults.noiseAug)),
    )
  })
  store.on(['facts', 'end'], ({ facts: known, end: chosen }) => {
    end.hidden = !known?.abilities.endFrame
    noEnd.hidden = chosen === undefined
  })
  return h(
    'section',
    { class: 'panel settings', 'aria-label': 'Settings' },
    again,
    motion.element,
    noise.element,
    loop,
    h('div', { class: 'row' }, end, noEnd),
    h('details', {}, h('summary', {}, 'Details'), seed.element, detail, facts, model),
  )
}

/** How the clip is shown and saved: what lies behind it, its speed, and whether it goes back. */
export function lookPanel(store: Store): HTMLElement {
  const change = (part: Partial<Store['state']['look']>) => store.set({ look: { ...store.state.look, ...part } })
  const colour = h('input', { type: 'color', value: '#ffd166', 'aria-label': 'Colour behind it' })
  colour.addEventListener('input', () => change({ ground: colour.value as `#${string}` }))
  const ground = segmented<'clear' | 'white' | 'colour'>(
    'Behind it',
    [
      ['clear', 'Nothing'],
      ['white', 'White'],
      ['colour', 'Colour'],
    ],
    'clear',
    (kind) =>
      change({ ground: kind === 'clear' ? kind : kind === 'white' ? '#ffffff' : (colour.value as `#${string}`) }),
  )
  const full = h('p', { class: 'hint' }, 'The picture fills its frame: nothing of it can be cut away.')
  const speed = slider({
    label: 'Speed',
    min: 0.5,
    max: 2,
    step: 0.25,
    value: 1,
    show: (value) => `${value} ×`,
    onInput: (value) => change({ speed: value }),
  })
  const rounds = slider({
    label: 'Plays in a file',
    min: 1,
    max: 6,
    value: 1,
    hint: 'Most places play a file again and again by themselves; not all do',
    show: (value) => (value === 1 ? 'once' : `${value} times`),
    onInput: (value) => change({ rounds: value }),
  })
  const back = toggle('There and back', 'Plays to the end, and then backwards', (on) => change({ back: on }))
  store.on(['look', 'shown'], ({ look, shown }) => {
    speed.set(look.speed)
    rounds.set(look.rounds)
    back.querySelector('input')!.checked = look.back
    const kind = look.ground === 'clear' ? 'clear' : look.ground === '#ffffff' ? 'white' : 'colour'
    ground.querySelector<HTMLInputElement>(`input[value=${kind}]`)!.checked = true
    const canCut = !shown || isCutOut(shown.clip)
    ground.hidden = !canCut
    full.hidden = canCut
    colour.hidden = !canCut || look.ground === 'clear' || look.ground === '#ffffff'
  })
  return h(
    'section',
    { class: 'panel look', 'aria-label': 'Look' },
    h('h2', {}, 'Behind it'),
    h('div', { class: 'row' }, ground, colour),
    full,
    speed.element,
    back,
    rounds.element,
  )
}

/** Asks for the next four. */
export function anotherTry(store: Store): void {
  const { settings, source, tab } = store.state
  if (source && tab === 'make') store.set({ settings: { ...settings, seed: settings.seed + TRIES } })
}

function term(name: string, value: string): HTMLElement[] {
  return [h('dt', {}, name), h('dd', {}, value)]
}

function numberField(label: string, onChange: (value: number) => void) {
  const input = h('input', { type: 'number', min: 0, max: 999_999, step: 1, 'aria-label': label })
  input.addEventListener('change', () => {
    const value = Math.round(Number(input.value))
    if (value >= 0 && value <= 999_999) onChange(value)
  })
  return { input, element: h('label', { class: 'number' }, h('span', {}, label), input) }
}

function motionWord(value: number, usual = 0): string {
  if (value < usual * 0.6) return 'a little'
  if (value <= usual * 1.5) return 'some'
  return value <= usual * 2.4 ? 'a lot' : 'wildly'
}

function noiseOf(share: number): number {
  return share === 0 ? 0 : Math.round(1000 * LEAST_NOISE * NOISE_RANGE ** (share / 100)) / 1000
}

function noiseShare(noise: number): number {
  return noise === 0 ? 0 : Math.round((100 * Math.log(noise / LEAST_NOISE)) / Math.log(NOISE_RANGE))
}
