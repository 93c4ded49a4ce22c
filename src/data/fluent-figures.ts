import splitFile from './fluent-split.json' with { type: 'json' }
import { splitByName } from './splits.js'
import type { Split } from './splits.js'

/** An animated Fluent emoji and the split it belongs to. */
export interface FluentClip {
  /** Code points in hexadecimal, joined by dashes: the file name without its ending. */
  readonly name: string
  /** What it shows, whatever the skin tone and gender. */
  readonly figure: string
  readonly split: Split
}

/** The animated Fluent emoji of 28 frames or more, by name. */
export const FLUENT_CLIPS: ReadonlyMap<string, FluentClip> = new Map(
  splitFile.clips.map(([name, , , figure, split]) => [
    name as string,
    { name: name as string, figure: figure as string, split: split as Split },
  ]),
)

const SPLIT_OF_FIGURE = new Map([...FLUENT_CLIPS.values()].map((clip) => [clip.figure, clip.split]))

/** Skin tones, "as an emoji" marks, joiners, female and male signs: what tells forms of one figure apart. */
const FORM = /^(1f3f[b-f]|fe0f|200d|2640|2642)$/
/** Man and woman, where the figure is a person: `1f9d1`. */
const PERSON = /^(1f468|1f469)$/

/**
 * The figure of an emoji that has no animation, and its split: that of the animated figure where there is one, so that
 * no figure falls on both sides, else by the hash of the figure.
 */
export function fluentStill(name: string): FluentClip {
  const known = FLUENT_CLIPS.get(name)
  if (known) return known
  const points = name.split('-').filter((point) => !FORM.test(point))
  const people = points.filter((point) => PERSON.test(point) || point === '1f9d1').length
  const figure = people > 1 ? 'couple' : points.map((point) => point.replace(PERSON, '1f9d1')).join('-')
  return { name, figure, split: SPLIT_OF_FIGURE.get(figure) ?? splitByName(figure) }
}
