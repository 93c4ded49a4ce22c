// The 60 pictures that a model is judged by: would one post the clip? All are outside of its training. They are chosen
// by rule, listed in posted-pictures.json, and fetched from npm when they are needed; none is part of this repository.
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { FLUENT_CLIPS, fluentStill } from '../src/data/fluent-figures.js'
import { FLUENT_STILLS } from '../src/data/fluent-emoji.node.js'
import { iconFigure, iconSplit, NOTO, readIcons, TWEMOJI, type IconSet } from '../src/data/icons.node.js'
import { fetchPackage, readPackage, type DataPackage } from '../src/data/npm-packages.node.js'

/** The prefix of the Fluent emoji in the list. */
const FLUENT = 'fluent-emoji'

/** Drawings of the OpenMoji project (CC BY-SA 4.0); for evaluation alone. */
const OPENMOJI: IconSet = {
  prefix: 'openmoji',
  margin: 0,
  source: {
    name: '@iconify-json/openmoji',
    version: '1.2.29',
    sha512: 'vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ==',
  },
}

/** Logos (the drawings CC0); for evaluation alone. */
const LOGOS: IconSet = {
  prefix: 'logos',
  margin: 0.07,
  source: {
    name: '@iconify-json/logos',
    version: '1.2.19',
    sha512: 'ICjDNu2RW4xMk+0YAHyrTj/pW2BHgywcYyvf9DS16upalmSUbg+WqkEYJRim8iVOuVylyo9FFjzWLzACFhj8oA==',
  },
}

/** Drawings by a free hand, by Streamline (CC BY 4.0); for evaluation alone. */
const FREEHAND: IconSet = {
  prefix: 'streamline-freehand-color',
  margin: 0.07,
  source: {
    name: '@iconify-json/streamline-freehand-color',
    version: '1.2.2',
    sha512: 'ql3aN0gPHIClR74SkG89oykRB1LxmwhIWYDM425bVsoZRNhl2uHtNMmIs6CADrCcyhdNQwtieaj49BIT0Idu5A==',
  },
}

const isTest = (name: string): boolean => iconSplit(iconFigure(name)) === 'test'

/** The sets, how many are taken of each, and which may be. Of logos only marks, which are as high as wide; no words. */
const SETS: readonly { readonly set: IconSet; readonly count: number; readonly may: (name: string) => boolean }[] = [
  { set: NOTO, count: 16, may: isTest },
  { set: TWEMOJI, count: 8, may: isTest },
  { set: OPENMOJI, count: 8, may: () => true },
  { set: LOGOS, count: 4, may: (name) => name.endsWith('-icon') },
  { set: FREEHAND, count: 4, may: () => true },
]
const FLUENT_COUNT = 20

/** Pixels of a side that drawings are rendered at. */
const SIDE = 512

/** A picture of the list. */
export interface PostedPicture {
  /** `set/name`. */
  readonly name: string
  /** An SVG or WebP file. */
  readonly bytes: Uint8Array
}

/** The packages that the pictures come from, each with its version. */
export const POSTED_PACKAGES: readonly DataPackage[] = [FLUENT_STILLS, ...SETS.map(({ set }) => set.source)]

/**
 * Chooses the pictures: of each set those whose `set/name` has the least SHA-256, one of a figure, icons in no skin
 * tone; of Noto and Twemoji those of the test split, of Fluent those stills of the test split that have no animation.
 *
 * @param folder the packages are fetched into it
 */
export async function choosePictures(folder: string): Promise<PostedPicture[]> {
  const stills: PostedPicture[] = []
  const isFree = (name: string) => !FLUENT_CLIPS.has(name) && fluentStill(name).split === 'test'
  const archive = await fetchPackage(FLUENT_STILLS, folder)
  const isEmoji = (file: string) => /^assets\/.*\.webp$/.test(file) && isFree(basename(file, '.webp'))
  for await (const { name, bytes } of readPackage(archive, isEmoji))
    stills.push({ name: `${FLUENT}/${basename(name, '.webp')}`, bytes })
  const chosen = firstOf(stills, FLUENT_COUNT, (name) => fluentStill(basename(name)).figure)
  for (const { set, count, may } of SETS) {
    const icons = await readIcons(set, await fetchPackage(set.source, folder), { width: SIDE, height: SIDE })
    const pictures = icons.filter(({ name, figure }) => name === figure && may(name))
    chosen.push(
      ...firstOf(
        pictures.map(({ name, svg }) => ({ name, bytes: svg })),
        count,
        iconFigure,
      ),
    )
  }
  return chosen
}

/** The first `count` by the sum of their names, one of each figure. */
function firstOf(
  pictures: readonly PostedPicture[],
  count: number,
  figureOf: (name: string) => string,
): PostedPicture[] {
  const sum = ({ name }: PostedPicture) => createHash('sha256').update(name).digest('hex')
  const sorted = [...pictures].sort((a, b) => (sum(a) < sum(b) ? -1 : 1))
  const isFirst = ({ name }: PostedPicture, i: number) =>
    sorted.findIndex((other) => figureOf(other.name) === figureOf(name)) === i
  return sorted.filter(isFirst).slice(0, count)
}
