import { EXPORT_FORMATS, offerDownload, type ExportFormat } from '../../src/web/index.js'
import { h, icon } from './dom.js'
import { complain, say } from './messages.js'
import { PURPOSES, type Purpose } from '../../src/media/purposes.js'
import { OPAQUE } from './purposes.js'
import { isCutOut } from './reel.js'
import { fileFor, packFor, type Ready, type Saving } from './saver.js'
import type { Store } from './store.js'

/** Milliseconds of calm after which the file is made ahead, so that its size is known. */
const CALM = 700
const SIDES = [64, 96, 100, 128, 256, 320, 512, 720, 1080] as const
const NAMES: Readonly<Record<ExportFormat, string>> = {
  mp4: 'MP4 video',
  webm: 'WebM video',
  webp: 'WebP',
  gif: 'GIF',
  apng: 'Animated PNG',
  png: 'PNG pictures (zip)',
}

/** The panel that saves the clip that is looked at, for a purpose. */
export function savePanel(store: Store): HTMLElement {
  let purpose: Purpose = PURPOSES[0]
  /** The file of what is looked at: made, or on its way. */
  let ahead: { readonly key: string; readonly file: Promise<Ready>; readonly stop: AbortController } | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  const about = h('p', { class: 'hint about' })
  const size = h('p', { class: 'size', role: 'status' })
  const progress = h('progress', { hidden: true, 'aria-label': 'Making the file' })
  const other = otherFields((chosen) => choose(chosen))
  const save = h('button', { type: 'button', class: 'primary' }, icon('save'), h('span', {}, 'Save'))
  const cancel = h('button', { type: 'button', class: 'quiet', hidden: true }, 'Cancel')
  const share = h(
    'button',
    { type: 'button', class: 'quiet', hidden: !('canShare' in navigator) },
    icon('share'),
    'Share',
  )
  const pack = h('button', { type: 'button', class: 'quiet' }, icon('pack'), h('span', {}))

  const choose = (chosen: Purpose) => {
    purpose = chosen
    other.element.hidden = purpose.id !== 'file'
    describe()
    soon()
  }
  const describe = () => {
    const { shown, look } = store.state
    const isClear = shown && look.ground === 'clear' && isCutOut(shown.clip)
    const ground = isClear && OPAQUE.includes(purpose.format) ? ', on white: it has no transparency' : ''
    about.textContent = purpose.about + ground
  }

  /** The file, begun now unless it is on its way. */
  const begin = () => {
    const { shown, look } = store.state
    if (!shown) return undefined
    const key = JSON.stringify([shown.id, purpose, look])
    if (ahead?.key === key) return ahead
    ahead?.stop.abort()
    const stop = new AbortController()
    const saving: Saving = {
      signal: stop.signal,
      onProgress: ({ tries, bytes }) => {
        if (ahead?.stop === stop && purpose.limit !== undefined)
          size.textContent = `Try ${tries}: ${kilobytes(bytes)}, at most ${kilobytes(purpose.limit)}`
      },
    }
    size.textContent = 'Measuring…'
    const file = fileFor(shown, purpose, look, saving)
    ahead = { key, file, stop }
    file.then(
      ({ blob, gave }) => {
        if (ahead?.stop === stop) size.textContent = `${kilobytes(blob.size)}${gave && `, with ${gave}`}`
      },
      (error: unknown) => {
        if (ahead?.stop !== stop) return
        ahead = undefined
        size.textContent = stop.signal.aborted ? '' : (error as Error).message
      },
    )
    return ahead
  }
  /** Makes the file ahead, once nothing has changed for a while and no clip is being made. */
  const soon = () => {
    clearTimeout(timer)
    ahead?.stop.abort()
    ahead = undefined
    size.textContent = ''
    if (store.state.shown && !store.state.work) timer = setTimeout(begin, CALM)
  }

  const busy = (isBusy: boolean) => {
    progress.hidden = cancel.hidden = !isBusy
    save.hidden = isBusy
  }
  const wait = async <T>(
    work: (stop: AbortController) => Promise<T>,
    stop: AbortController,
  ): Promise<T | undefined> => {
    busy(true)
    const onCancel = () => stop.abort()
    cancel.addEventListener('click', onCancel, { once: true })
    try {
      return await work(stop)
    } catch (error) {
      complain(error)
      return undefined
    } finally {
      cancel.removeEventListener('click', onCancel)
      busy(false)
    }
  }
  const ready = async () => {
    const file = begin()
    return file && wait(() => file.file, file.stop)
  }
  save.addEventListener('click', () => {
    void ready().then((file) => {
      if (!file) return
      offerDownload(file.blob, file.name)
      say(`Saved ${file.name}: ${kilobytes(file.blob.size)}${file.gave && `, with ${file.gave}`}.`)
    })
  })
  share.addEventListener('click', () => {
    void ready().then(async (file) => {
      if (!file) return
      const files = [new File([file.blob], file.name, { type: file.blob.type })]
      if (navigator.canShare({ files })) await navigator.share({ files }).catch(complain)
      else say('This browser cannot share such a file; save it instead.')
    })
  })
  pack.addEventListener('click', () => {
    const starred = store.state.kept.filter((made) => made.starred)
    const { look } = store.state
    void wait((stop) => packFor(starred, purpose, look, { signal: stop.signal }), new AbortController()).then(
      (file) => {
        if (!file) return
        offerDownload(file.blob, file.name)
        say(`Saved ${file.name}: ${starred.length} clips, ${kilobytes(file.blob.size)}.`)
      },
    )
  })

  store.on(['shown', 'look', 'areOld', 'work'], ({ shown, areOld, work }) => {
    const isWaiting = areOld && work !== undefined
    save.disabled = share.disabled = !shown || isWaiting
    save.querySelector('span')!.textContent = isWaiting ? 'Wait for the new clip' : 'Save'
    describe()
  })
  store.on(['shown', 'look', 'work'], soon)
  store.on(['kept'], ({ kept }) => {
    const count = kept.filter(({ starred }) => starred).length
    pack.hidden = count < 2
    pack.querySelector('span')!.textContent = `Save the ${count} starred as a pack`
  })
  const choices = [...PURPOSES, other.purpose()].map((each, index) => {
    const input = h('input', { type: 'radio', name: 'purpose', value: each.id, checked: index === 0 })
    input.addEventListener('change', () => choose(each.id === 'file' ? other.purpose() : each))
    return h('label', {}, input, h('span', {}, each.label))
  })
  return h(
    'section',
    { class: 'panel save', 'aria-label': 'Save' },
    h('h2', {}, 'Save it as'),
    h('div', { class: 'purposes', role: 'radiogroup', 'aria-label': 'What for' }, ...choices),
    other.element,
    about,
    h('div', { class: 'row buttons' }, save, cancel, share),
    progress,
    size,
    pack,
  )
}

/** Any other file: its format, its size and its limit. */
function otherFields(onChange: (purpose: Purpose) => void) {
  const format = h(
    'select',
    { 'aria-label': 'Kind of file' },
    ...EXPORT_FORMATS.map((each) => h('option', { value: each }, NAMES[each])),
  )
  const side = h(
    'select',
    { 'aria-label': 'Longer side in pixels' },
    h('option', { value: '' }, 'As it is'),
    ...SIDES.map((each) => h('option', { value: each }, `${each} px`)),
  )
  const limit = h('input', { type: 'number', min: 1, step: 1, placeholder: 'any', 'aria-label': 'Most kilobytes' })
  const purpose = (): Purpose => ({
    id: 'file',
    label: 'Another file…',
    format: format.value as ExportFormat,
    size: side.value === '' ? undefined : Number(side.value),
    limit: Number(limit.value) > 0 ? Number(limit.value) * 1024 : undefined,
    about: NAMES[format.value as ExportFormat],
  })
  for (const field of [format, side, limit]) field.addEventListener('change', () => onChange(purpose()))
  const element = h(
    'div',
    { class: 'fields', hidden: true },
    h('label', {}, 'Kind', format),
    h('label', {}, 'Longer side', side),
    h('label', {}, 'Most KB', limit),
  )
  return { element, purpose }
}

function kilobytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KB`
}
