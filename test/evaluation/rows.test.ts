import { describe, expect, it } from 'vitest'
import { forwardsOf, labelOf, parseRows, settingsOf } from '../../src/evaluation/rows.js'
import { UserError } from '../../src/errors.js'

const NETWORKS = ['unet', 'student', 'consistency']

describe('parseRows', () => {
  it('takes the student for one step and the guided teacher for more', () => {
    const [one, four] = parseRows('1,4', NETWORKS)
    expect(one).toEqual({ network: 'student', steps: 1, sampler: 'euler' })
    expect(four).toEqual({ network: 'unet', steps: 4, sampler: 'euler', guidance: { min: 1, max: 3 } })
    expect([forwardsOf(one!), forwardsOf(four!)]).toEqual([1, 8])
    expect(parseRows('1', ['unet'])[0]!.network).toBe('unet')
  })

  it('lets entries name their network, and the rest follow --network', () => {
    const rows = parseRows('unet@1, 8,4', NETWORKS, { network: 'consistency' })
    expect(rows.map(({ network, steps, sampler }) => [network, steps, sampler])).toEqual([
      ['unet', 1, 'euler'],
      ['consistency', 8, 'consistency'],
      ['consistency', 4, 'consistency'],
    ])
    expect(rows.every(({ guidance }) => guidance === undefined)).toBe(true)
  })

  it('gives guidance to all rows or to none when told', () => {
    expect(parseRows('unet@1', NETWORKS, { guidance: { min: 1, max: 2 } })[0]!.guidance).toEqual({ min: 1, max: 2 })
    expect(parseRows('unet@8', NETWORKS, { guidance: { min: 1, max: 1 } })[0]!.guidance).toBeUndefined()
  })

  it('leaves out what is there twice', () => {
    expect(parseRows('1,student@1,1', NETWORKS)).toHaveLength(1)
  })

  it.each(['', '0', '4.5', 'unet@', '1,,2', '1001', 'lcm@4'])('refuses %j', (text) => {
    expect(() => parseRows(text, NETWORKS)).toThrow(UserError)
  })
})

describe('labelOf', () => {
  it('tells all kinds of rows apart', () => {
    const guidances = [undefined, { min: 1, max: 3 }, { min: 1, max: 2 }]
    const rows = ['unet', 'student', 'consistency'].flatMap((network) =>
      [1, 4].flatMap((steps) =>
        (['euler', 'consistency'] as const).flatMap((sampler) =>
          guidances.map((guidance) => ({ network, steps, sampler, ...(guidance && { guidance }) })),
        ),
      ),
    )
    expect(new Set(rows.map(labelOf)).size).toBe(rows.length)
    expect(labelOf(parseRows('25', NETWORKS)[0]!)).toBe('unet 25 steps')
  })
})

describe('settingsOf', () => {
  it('asks for guidance just where the row has it', () => {
    const [one, four] = parseRows('1,4', NETWORKS)
    expect(settingsOf(one!)).toMatchObject({ network: 'student', maxGuidance: 1 })
    expect(settingsOf(four!)).toMatchObject({ network: 'unet', guide: 'always', minGuidance: 1, maxGuidance: 3 })
  })
})
