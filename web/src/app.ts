import type { DownloadProgress } from '../../src/web/index.js'
import { followAddress } from './address.js'
import { CompareView } from './compare-view.js'
import { fileButton, h, icon, iconButton, segmented } from './dom.js'
import { DrawView } from './draw-view.js'
import { History } from './history.js'
import { HistoryStrip } from './history-strip.js'
import { Intake, listenForFiles } from './intake.js'
import { listenForKeys } from './keys.js'
import { Maker } from './maker.js'
import { makeView, type View } from './make-view.js'
import { complain, messageRegions } from './messages.js'
import { modelPanel, nameOf } from './model-panel.js'
import { picturePanel } from './picture-panel.js'
import { Rough } from './rough.js'
import { savePanel } from './save-panel.js'
import { OWN_MODEL, Session } from './session.js'
import { anotherTry, lookPanel, settingsPanel } from './settings-panel.js'
import { Store, TABS, type Tab } from './store.js'
import { toggleTheme } from './theme.js'
import { workBar } from './work-bar.js'

const NAMES: Readonly<Record<Tab, string>> = { make: 'Make', draw: 'Draw on it', compare: 'Compare' }

/**
 * Builds the studio behind the front that the page came with.
 *
 * @param isolated is kept once the page has threads, or is known to go without
 * @param keepSite lets the service worker fetch what the next visit needs
 */
export function startStudio(isolated: Promise<unknown>, keepSite: () => void): void {
  const front = document.getElementById('front')!
  const store = new Store()
  const history = new History()
  const download = downloadBar()
  const address = followAddress(store)
  const session = new Session(isolated, address.model, download.tell, ({ facts }) => {
    // Another one may have been chosen while this one came.
    if (!store.state.model) store.set({ facts, model: { name: nameOf(address.model), address: address.model } })
    download.done()
    keepSite()
  })
  const strip = new HistoryStrip(store, history)
  const keep = (made: Parameters<HistoryStrip['keep']>[0]) => strip.keep(made)
  const draw = new DrawView(store, session, keep)
  const make = makeView(store, new Rough(store, session), (made) => {
    keep(made)
    store.set({ shown: made, rough: undefined })
    store.state.work?.cancel()
  })
  const views: Readonly<Record<Tab, View>> = {
    make,
    draw,
    compare: new CompareView(store, session),
  }
  const intake = new Intake(store, history, (file) => void draw.open(file))
  const take = (files: readonly File[]) => void intake.take(files)

  const tabs = segmented(
    'View',
    TABS.map((tab) => [tab, NAMES[tab]] as const),
    'make',
    (tab) => store.set({ tab }),
  )
  document.querySelector('.top')!.append(tabs, iconButton('theme', 'Light or dark', toggleTheme))
  const examples = [...front.querySelectorAll<HTMLButtonElement>('[data-example]')]
  const work = h(
    'main',
    { class: 'studio', hidden: true },
    h('h1', { class: 'unseen' }, 'sfv studio'),
    h(
      'div',
      { class: 'left' },
      picturePanel(
        store,
        (file) => take([file]),
        shelf(examples, (name) => void intake.takeExample(name), store),
      ),
      lookPanel(store),
    ),
    h('div', { class: 'middle' }, ...Object.values(views).map(({ element }) => element), workBar(store)),
    h('div', { class: 'side' }, settingsPanel(store, modelPanel(store, session)), savePanel(store)),
  )
  front.after(work, bottomBar(store, take), ...messageRegions())
  front.querySelector('.drop')!.prepend(fileButton('Choose a picture', 'image/*,video/*', (file) => take([file])))
  front.querySelector('.begin')!.append(download.element)
  document.body.append(h('p', { class: 'dropzone', 'aria-hidden': 'true' }, 'Drop a picture, or a clip to draw on'))
  for (const button of examples)
    button.addEventListener('click', () => void intake.takeExample(button.dataset['example']!))

  store.on(['tab', 'source', 'shown'], ({ tab, source, shown }) => {
    const isWorking = source !== undefined || shown !== undefined
    front.hidden = isWorking
    work.hidden = tabs.hidden = !isWorking
    const place = isWorking ? work.querySelector('.middle')! : front.querySelector('.gallery')!
    if (strip.element.parentElement !== place) place.append(strip.element)
    document.body.dataset['tab'] = tab
    document.body.classList.toggle('working', isWorking)
    tabs.querySelector<HTMLInputElement>(`input[value=${tab}]`)!.checked = true
    for (const [name, { element }] of Object.entries(views)) element.hidden = name !== tab
  })
  store.on(['facts'], ({ facts }) => {
    if (facts) document.body.style.setProperty('--aspect', `${facts.native.width / facts.native.height}`)
  })
  store.on(['look'], ({ look }) => {
    document.body.classList.toggle('clear', look.ground === 'clear')
    document.body.style.setProperty('--ground-colour', look.ground === 'clear' ? 'transparent' : look.ground)
  })
  listenForFiles(take)
  const player = () => views[store.state.tab].player
  listenForKeys({
    toggle: () => player().toggle(),
    step: (by) => player().step(by),
    onion: () => player().toggleOnion(),
    again: () => anotherTry(store),
    undo: () => (store.state.tab === 'draw' ? draw.undo() : make.timeline.undo()),
    redo: () => (store.state.tab === 'draw' ? draw.undo(true) : make.timeline.redo()),
  })

  const { picture } = address
  new Maker(store, session, keep)
  if (picture === 'own') void intake.takeLast()
  else if (examples.some(({ dataset }) => dataset['example'] === picture)) void intake.takeExample(picture!)
  session.model().catch(complain)
  keepModel(store, session)
}

/** Fetches what Compare needs of the studio's own model once the first clips are there, unless the visitor saves data. */
function keepModel(store: Store, session: Session): void {
  let isKept = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true
  store.on(['work', 'tries', 'model'], ({ work, tries, model: chosen }) => {
    if (isKept || work || tries.length === 0 || chosen?.address !== OWN_MODEL) return
    isKept = true
    // Without it Compare fetches it when it is asked for.
    session
      .model()
      .then((model) => model.keep())
      .catch(() => (isKept = false))
  })
}

/** How far the model is, in one bar over all bytes. */
function downloadBar() {
  const text = h('p', { class: 'hint' }, 'Getting ready…')
  const progress = h('progress', { 'aria-label': 'Download of the model' })
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)
  return {
    element: h('div', { class: 'download' }, text, progress),
    tell: ({ loaded, total }: DownloadProgress) => {
      progress.value = loaded / total
      text.textContent = `Getting ready: ${megabytes(loaded)} of ${megabytes(total)} MB. They stay on this device for the next time.`
    },
    done: () => {
      progress.hidden = true
      text.textContent = 'Ready, and from now on without a connection.'
    },
  }
}

/** The examples as a small shelf beside the picture. */
function shelf(examples: readonly HTMLElement[], take: (name: string) => void, store: Store): HTMLElement {
  const buttons = examples.map(({ dataset }) => {
    const name = dataset['example']!
    const image = h('img', { src: `./shelf/${name}.webp`, alt: '', width: 48, height: 48, loading: 'lazy' })
    const button = h('button', { type: 'button', title: name, 'aria-label': name, 'aria-pressed': 'false' }, image)
    button.addEventListener('click', () => take(name))
    return [name, button] as const
  })
  store.on(['source'], ({ source }) => {
    for (const [name, button] of buttons)
      button.setAttribute('aria-pressed', String(source?.isExample === true && source.name === name))
  })
  return h('div', { class: 'shelf', role: 'group', 'aria-label': 'Examples' }, ...buttons.map(([, button]) => button))
}

/** What a phone has at hand: another picture, another try, and where to save. */
function bottomBar(store: Store, take: (files: readonly File[]) => void): HTMLElement {
  const again = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => anotherTry(store) },
    icon('tries'),
    'Again',
  )
  const save = h('button', { type: 'button', class: 'primary' }, icon('save'), 'Save')
  save.addEventListener('click', () => document.querySelector('.save')!.scrollIntoView())
  const bar = h(
    'nav',
    { class: 'bottom', 'aria-label': 'At hand' },
    fileButton('Picture', 'image/*,video/*', (file) => take([file])),
    again,
    save,
  )
  store.on(['source', 'shown'], ({ source, shown }) => (bar.hidden = !source && !shown))
  return bar
}
