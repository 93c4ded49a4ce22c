import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FLUENT_CLIPS, fluentStill } from '../../src/data/fluent-figures.js'
import { iconFigure, iconSplit } from '../../src/data/icons.node.js'
import { POSTED_PACKAGES } from '../../scripts/posted-pictures.js'

const list = JSON.parse(readFileSync(new URL('../../scripts/posted-pictures.json', import.meta.url), 'utf8')) as {
  packages: string[]
  pictures: string[]
}
const of = (set: string) => list.pictures.filter((name) => name.startsWith(`${set}/`))

it('judges models by 60 different pictures of six sets, each package of one exact version', () => {
  const counts = ['fluent-emoji', 'noto', 'twemoji', 'openmoji', 'logos', 'streamline-freehand-color'].map(
    (set) => of(set).length,
  )
  expect(counts).toEqual([20, 16, 8, 8, 4, 4])
  expect(new Set(list.pictures).size).toBe(60)
  expect(list.packages).toEqual(POSTED_PACKAGES.map(({ name, version }) => `${name}@${version}`))
})

it('judges by no picture, and no figure, that models are trained on', () => {
  for (const picture of of('fluent-emoji')) {
    const name = picture.split('/')[1]!
    expect(FLUENT_CLIPS.has(name), name).toBe(false)
    expect(fluentStill(name).split, name).toBe('test')
  }
  for (const name of [...of('noto'), ...of('twemoji')]) expect(iconSplit(iconFigure(name)), name).toBe('test')
})
