import { describe, expect, it } from 'vitest'
import { escapeHtml, htmlPage } from '../../src/report/html.js'
import { linearAxis, rangeAxis, ratioAxis, ticks } from '../../src/report/svg.js'

describe('an axis', () => {
  it.each([
    [0, 1, [0, 0.5, 1]],
    [-1.2, 2.2, [-1, 0, 1, 2]],
    [3, 3.1, [3, 3.05, 3.1]],
  ])('from %d to %d has ticks at %j', (low, high, expected) => expect(ticks(low, high, 3)).toEqual(expected))

  it('over a range goes from one end to the other, also where that is a single value', () => {
    const { at, ticks } = rangeAxis(2, 6, 100, 0, 4)
    expect([at(2), at(4), at(6)]).toEqual([100, 50, 0])
    expect(ticks).toEqual([2, 3, 4, 5, 6])
    const one = rangeAxis(3, 3, 10, 90, 4)
    expect([one.at(3), one.ticks]).toEqual([10, [3]])
  })

  it('from 0 ends at a round number, and one of ratios has equal steps for equal factors', () => {
    expect(linearAxis(9, 0, 100)).toMatchObject({ ticks: [0, 5, 10] })
    const { at } = ratioAxis(1, 100, 0, 100)
    expect(at(10) - at(1)).toBeCloseTo(at(100) - at(10))
  })
})

it('a page escapes its title, and refers to no other file', () => {
  const page = htmlPage({ title: 'a <run> & "more"', style: 'p{}', body: '<p>body</p>' })
  expect(page).toContain(`<title>${escapeHtml('a <run> & "more"')}</title>`)
  expect(page).not.toContain('a <run>')
  expect(page).toContain('<body>\n<p>body</p>\n</body>')
  expect(page).not.toMatch(/\b(src|href)=/)
})
