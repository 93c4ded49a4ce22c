import { OWN_MODEL } from './session.js'
import { TABS, type Store, type Tab } from './store.js'

/** The part of the state that is small, in the page's address: it survives a reload, and can be sent. */
export interface Address {
  /** The name of an example; `own` for a picture of the user's. */
  readonly picture: string | undefined
  /** Where the model comes from. */
  readonly model: string
}

/** Takes what the address says, and writes to it whatever changes. */
export function followAddress(store: Store): Address {
  const fields = new URLSearchParams(location.hash.slice(1))
  const number = (name: string, most: number) => {
    const value = fields.get(name)
    return value !== null && /^\d+(\.\d+)?$/.test(value) && Number(value) <= most ? Number(value) : undefined
  }
  const { settings } = store.state
  store.set({
    tab: TABS.find((each): each is Tab => each === fields.get('view')) ?? 'make',
    settings: {
      ...settings,
      seed: Math.round(number('try', 999_999) ?? settings.seed),
      motion: number('motion', 255),
      noiseAug: number('noise', 10),
      loop: fields.get('loop') === '1',
    },
  })
  const picture = fields.get('picture') ?? undefined
  store.on(['tab', 'settings', 'source', 'model'], ({ tab, settings, source, model }) => {
    if (!source) return
    const written = new URLSearchParams({ picture: source.isExample ? source.name : 'own', try: `${settings.seed}` })
    if (settings.motion !== undefined) written.set('motion', `${settings.motion}`)
    if (settings.noiseAug !== undefined) written.set('noise', `${settings.noiseAug}`)
    if (settings.loop) written.set('loop', '1')
    if (model?.address !== undefined && model.address !== OWN_MODEL) written.set('model', model.address)
    if (tab !== 'make') written.set('view', tab)
    history.replaceState(null, '', `#${written.toString()}`)
  })
  return { picture, model: fields.get('model') ?? OWN_MODEL }
}
