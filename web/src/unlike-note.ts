import { h } from './dom.js'
import { cutFromGround, groundOf } from './ground.js'
import { complain, say } from './messages.js'
import { cropped, pixelsOf } from './picture.js'
import type { Store } from './store.js'

/** Milliseconds of calm after which a picture is looked at. */
const CALM = 150

/** Says kindly, and why, that a picture is unlike what the model knows, and offers to cut its figure out where that can be. */
export function unlikeNote(store: Store): HTMLElement {
  const text = h('p')
  const cut = h('button', { type: 'button', class: 'quiet' }, 'Cut the figure out')
  const note = h('div', { class: 'unlike', role: 'note', hidden: true }, text, cut)
  let timer: ReturnType<typeof setTimeout> | undefined

  const look = () => {
    const { source, crop, facts } = store.state
    note.hidden = true
    if (!source || facts?.freeEdge === undefined) return
    const { free } = groundOf(cropped(source.bitmap, crop, facts.native))
    if (free >= facts.freeEdge) return
    const canCut = groundOf(pixelsOf(source.bitmap)).colour !== undefined
    const share = `${Math.round(100 * free)} %`
    const advice = canCut ? '' : ' One thing on a plain ground works best.'
    text.textContent = `This model knows figures that stand free on white. Only ${share} of this picture’s edge is free, so its clips may blur.${advice}`
    cut.hidden = !canCut
    note.hidden = false
  }
  cut.addEventListener('click', () => {
    const { source } = store.state
    if (!source) return
    const picture = pixelsOf(source.bitmap)
    const { colour } = groundOf(picture)
    if (!colour) return
    cutFromGround(picture, colour).then((bitmap) => {
      if (bitmap) store.set({ source: { ...source, bitmap, isExample: false } })
      else say('No figure stands out from its ground here.')
    }, complain)
  })
  store.on(['source', 'crop', 'facts'], () => {
    clearTimeout(timer)
    timer = setTimeout(look, CALM)
  })
  return note
}
