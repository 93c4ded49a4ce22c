import './studio.css'
import type { DownloadProgress, Picture } from '../../src/web/index.js'
import { AnimateView } from './animate-view.js'
import { CompareView } from './compare-view.js'
import { Controls } from './controls.js'
import { h, iconButton, segmented } from './dom.js'
import { EditView } from './edit-view.js'
import { isolate } from './isolate.js'
import { messageRegion, complain } from './messages.js'
import { savePanel } from './save.js'
import { Session } from './session.js'
import { Source } from './source.js'
import { toggleTheme } from './theme.js'
import type { View } from './view.js'

type Tab = 'animate' | 'compare' | 'edit'

function build(): void {
  const session = new Session(tellDownload)
  const animate = new AnimateView(session)
  const edit = new EditView(session, () => animate.player.clip())
  const views: Readonly<Record<Tab, View>> = { animate, compare: new CompareView(session), edit }
  let tab: Tab = 'animate'
  let picture: Picture | undefined

  const refresh = () => {
    if (picture) views[tab].update(picture, controls.chosen)
  }
  const source = new Source((taken) => {
    picture = taken
    if (tab === 'edit') choose('animate')
    refresh()
  })
  const controls = new Controls(refresh)
  const main = h('main', {}, ...Object.values(views).map(({ element }) => element))
  const tabs = segmented<Tab>(
    'View',
    [
      ['animate', 'Animate'],
      ['compare', 'Compare'],
      ['edit', 'Edit'],
    ],
    tab,
    (chosen) => {
      show(chosen)
      refresh()
    },
  )
  const show = (chosen: Tab) => {
    tab = chosen
    document.body.dataset['tab'] = chosen
    for (const [name, { element }] of Object.entries(views)) element.hidden = name !== chosen
  }
  const choose = (chosen: Tab) => {
    tabs.querySelector<HTMLInputElement>(`input[value=${chosen}]`)!.checked = true
    show(chosen)
  }

  function tellDownload({ loaded, total }: DownloadProgress): void {
    const text = `Fetching the model, ${(loaded / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB; it is kept for the next time`
    animate.tellDownload(text)
  }

  const header = h(
    'header',
    { class: 'top' },
    h('h1', {}, 'sfv', h('span', {}, ' studio')),
    tabs,
    iconButton('theme', 'Light or dark', toggleTheme),
  )
  document.getElementById('app')!.replaceChildren(
    header,
    source.element,
    main,
    h(
      'aside',
      {},
      controls.element,
      savePanel(() => views[tab].player.clip()),
    ),
    h(
      'footer',
      {},
      'Everything is computed in this tab; nothing is uploaded. Figures of the shelf: Fluent Emoji, Microsoft, MIT.',
    ),
    messageRegion(),
    h('p', { class: 'dropzone', 'aria-hidden': 'true' }, 'Drop a picture, or a clip to edit'),
  )
  show(tab)

  const take = (file: File | null | undefined) => {
    if (!file) return
    if (file.type.startsWith('video/') || (tab === 'edit' && /gif|webp|apng/.test(file.type))) {
      choose('edit')
      refresh()
      void edit.open(file)
    } else void source.open(file)
  }
  const markDrop = (isOver: boolean) => document.body.classList.toggle('dropping', isOver)
  addEventListener('dragover', (event) => {
    event.preventDefault()
    markDrop(event.dataTransfer?.types.includes('Files') ?? false)
  })
  addEventListener('dragleave', (event) => event.relatedTarget === null && markDrop(false))
  addEventListener('drop', (event) => {
    event.preventDefault()
    markDrop(false)
    take(event.dataTransfer?.files[0])
  })
  addEventListener('paste', (event) => take(event.clipboardData?.files[0]))
  addEventListener('keydown', (event) => {
    const { target } = event
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return
    const { player } = views[tab]
    if (event.key === ' ' && !(target instanceof HTMLButtonElement)) player.toggle()
    else if (event.key === 'ArrowRight') player.step(1)
    else if (event.key === 'ArrowLeft') player.step(-1)
    else if (event.key === 'o') player.toggleOnion()
    else if (event.key === 'r') controls.reseed()
    else return
    event.preventDefault()
  })
  source.start()
}

isolate().then((ready) => ready && build(), complain)
