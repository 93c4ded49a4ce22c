import { pickedFiles } from '../../src/web/index.js'
import { fileButton, h } from './dom.js'
import { announce, complain } from './messages.js'
import { OWN_MODEL, type Origin, type Session } from './session.js'
import type { Store } from './store.js'

/** The choice of another model: by address, by folder, by file. What it makes and can do, it says itself. */
export function modelPanel(store: Store, session: Session): HTMLElement {
  const open = async (name: string, find: () => Origin | Promise<Origin>) => {
    const stop = new AbortController()
    store.state.work?.cancel()
    store.set({ work: { text: `Opening ${name}`, cancel: () => stop.abort() } })
    try {
      const origin = await find()
      const { facts } = await session.change(origin, stop.signal)
      const fresh = { tries: [], asked: undefined, shown: undefined, rough: undefined, areOld: false, work: undefined }
      store.set({ ...fresh, facts, model: { name, address: typeof origin === 'string' ? origin : undefined } })
      announce(`${name} is open`)
    } catch (error) {
      store.set({ work: undefined })
      complain(error)
    }
  }
  const address = h('input', {
    type: 'url',
    placeholder: 'https://… or models/mine/',
    'aria-label': 'Address of a model',
  })
  const go = h('button', { type: 'submit', class: 'quiet' }, 'Open')
  // The page's policy takes no form: nothing is sent.
  const form = h('form', { class: 'row address', novalidate: true }, address, go)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const asked = address.value.trim()
    if (asked !== '') void open(nameOf(asked), () => asked)
  })
  const folder = h('input', { type: 'file', hidden: true, webkitdirectory: true })
  folder.addEventListener('change', () => {
    const files = [...(folder.files ?? [])]
    if (files[0]) void open(files[0].webkitRelativePath.split('/')[0]!, () => pickedFiles(files))
    folder.value = ''
  })
  const pickFolder = h('button', { type: 'button', class: 'quiet', onclick: () => folder.click() }, 'A folder…')
  const own = h('button', { type: 'button', class: 'quiet' }, 'The studio’s own')
  own.addEventListener('click', () => void open('the studio’s own model', () => OWN_MODEL))
  const name = h('p', { class: 'hint' })
  store.on(['model'], ({ model }) => {
    name.textContent = model && model.address !== OWN_MODEL ? `Clips are made by ${model.name}.` : ''
    name.hidden = name.textContent === ''
    own.hidden = !model || model.address === OWN_MODEL
  })
  return h(
    'div',
    { class: 'model', role: 'group', 'aria-label': 'Model' },
    h('h3', {}, 'Another model'),
    name,
    form,
    h(
      'div',
      { class: 'row' },
      pickFolder,
      folder,
      fileButton('A zip…', '.zip', (file) => open(file.name, () => pickedFiles([file])), 'pack'),
      own,
    ),
  )
}

/** What a model is called by its address: its last folder. */
export function nameOf(address: string): string {
  return address.replace(/\/+$/, '').split('/').at(-1) ?? address
}
