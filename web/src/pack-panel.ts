import { offerDownload } from '../../src/web/index.js'
import { h, icon, kilobytes, segmented } from './dom.js'
import { complain, say } from './messages.js'
import { PURPOSES } from '../../src/media/purposes.js'
import { packFor } from './saver.js'
import type { Made, State, Store } from './store.js'

type Which = 'shown' | 'starred' | 'kept'

/** Several files at once, as one zip: one clip for many places, or a pack of stickers for one. */
export function packPanel(store: Store): HTMLElement {
  let which: Which = 'shown'
  let stop: AbortController | undefined
  const boxes = PURPOSES.map(({ id, label }) => {
    const input = h('input', { type: 'checkbox', value: id })
    input.addEventListener('change', () => describe())
    return { input, element: h('label', {}, input, h('span', {}, label)) }
  })
  const clips = segmented<Which>(
    'Which clips',
    [
      ['shown', 'This one'],
      ['starred', 'Starred'],
      ['kept', 'All kept'],
    ],
    which,
    (chosen) => {
      which = chosen
      describe()
    },
  )
  const count = h('p', { class: 'hint', role: 'status' })
  const progress = h('progress', { hidden: true, 'aria-label': 'Making the zip' })
  const save = h('button', { type: 'button', class: 'quiet wide' }, icon('pack'), h('span', {}, 'Save as a zip'))
  save.addEventListener('click', () => (stop ? stop.abort() : void run()))

  const purposes = () => PURPOSES.filter((_, index) => boxes[index]!.input.checked)
  const describe = () => {
    const files = clipsOf(store.state, which).length * purposes().length
    save.disabled = !stop && files === 0
    const missing = purposes().length > 0 && which === 'starred' ? 'Star clips in the strip first.' : 'Choose what for.'
    if (!stop) count.textContent = files === 0 ? missing : files === 1 ? '1 file' : `${files} files`
  }
  const run = async () => {
    const [all, { look }] = [clipsOf(store.state, which), store.state]
    stop = new AbortController()
    progress.hidden = false
    save.querySelector('span')!.textContent = 'Cancel'
    const onFile = (done: number, total: number) => {
      progress.value = done / total
      count.textContent = `${done} of ${total} files`
    }
    try {
      const { blob, name } = await packFor(all, purposes(), look, { signal: stop.signal, onFile })
      offerDownload(blob, name)
      say(`Saved ${name}: ${kilobytes(blob.size)}.`)
    } catch (error) {
      complain(error)
    } finally {
      stop = undefined
      progress.hidden = true
      save.querySelector('span')!.textContent = 'Save as a zip'
      describe()
    }
  }
  store.on(['shown', 'kept'], describe)
  return h(
    'details',
    { class: 'several' },
    h('summary', {}, 'Several at once'),
    h(
      'div',
      { class: 'tool' },
      clips,
      h('div', { class: 'purposes', role: 'group', 'aria-label': 'What for' }, ...boxes.map(({ element }) => element)),
      save,
      progress,
      count,
    ),
  )
}

function clipsOf({ shown, kept }: State, which: Which): readonly Made[] {
  if (which === 'shown') return shown ? [shown] : []
  return which === 'kept' ? kept : kept.filter(({ starred }) => starred)
}
