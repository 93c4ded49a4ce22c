import { offerDownload, type Clip, type ExportFormat, type ExportSettings } from '../../src/web/index.js'
import { h, icon, segmented } from './dom.js'
import { complain, say } from './messages.js'

const FORMATS: readonly (readonly [ExportFormat, string])[] = [
  ['mp4', 'MP4'],
  ['webm', 'WebM'],
  ['webp', 'WebP'],
  ['gif', 'GIF'],
  ['apng', 'APNG'],
  ['png', 'PNGs'],
]

const SIZES = [128, 256, 512] as const

/** Bytes that chats take of an emoji. */
const LIMITS = { Slack: 128 * 1024, Discord: 256 * 1024 } as const

/** The panel that saves the clip that is shown. */
export function savePanel(clip: () => Clip | undefined): HTMLElement {
  let settings: ExportSettings = { format: 'mp4', size: 256 }
  const transparent = h('input', { type: 'checkbox' })
  transparent.disabled = true
  const limit = h(
    'select',
    { 'aria-label': 'Size limit' },
    h('option', { value: '' }, 'Any'),
    ...Object.entries(LIMITS).map(([name, bytes]) => h('option', { value: bytes }, `${name}, ${bytes / 1024} KB`)),
  )
  const size = h(
    'select',
    { 'aria-label': 'Side in pixels' },
    ...SIZES.map((side) => h('option', { value: side, selected: side === 256 }, `${side} px`)),
  )
  const formats = segmented('Format', FORMATS, 'mp4', (format) => {
    settings = { ...settings, format }
    transparent.disabled = format === 'mp4'
    if (format === 'mp4') transparent.checked = false
  })
  const button = h('button', { type: 'button', class: 'primary' }, icon('save'), 'Save')
  button.addEventListener('click', () => {
    const shown = clip()
    if (!shown) return say('There is no clip yet.')
    const asked: ExportSettings = {
      ...settings,
      size: Number(size.value),
      transparent: transparent.checked,
      limit: limit.value === '' ? undefined : Number(limit.value),
    }
    button.disabled = true
    save(shown, asked)
      .catch(complain)
      .finally(() => (button.disabled = false))
  })
  return h(
    'section',
    { class: 'panel save', 'aria-label': 'Save' },
    formats,
    h('div', { class: 'row fields' }, h('label', {}, 'Size', size), h('label', {}, 'Fits', limit)),
    h(
      'label',
      { class: 'check', title: 'Cuts the figure out of its white background; MP4 has no transparency' },
      transparent,
      'Transparent background',
    ),
    button,
  )
}

async function save(clip: Clip, settings: ExportSettings): Promise<void> {
  const { blob, quality, width, frames } = await clip.toFile(settings)
  const ending = settings.format === 'png' ? 'zip' : settings.format === 'apng' ? 'png' : settings.format
  const name = `sfv-${clip.metadata['seed'] ?? 'clip'}.${ending}`
  offerDownload(blob, name)
  const less = [
    quality.colours && settings.format !== 'mp4' && settings.format !== 'webm' && `${quality.colours} colours`,
    quality.every > 1 && `${frames} frames`,
    quality.scale < 1 && `${width} px`,
  ].filter(Boolean)
  const gave = settings.limit !== undefined && less.length > 0 ? `, with ${less.join(', ')}` : ''
  say(`Saved ${name}: ${Math.ceil(blob.size / 1024)} KB${gave}.`)
}
