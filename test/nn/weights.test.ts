import { describe, expect, it } from 'vitest'
import { leafName } from '../../src/graph/ops/leaves.js'
import { ParameterSet } from '../../src/nn/weights.js'

describe('ParameterSet', () => {
  it('records names, shapes and order of first use', () => {
    const w = new ParameterSet()
    w.at('down_blocks').at(0).at('conv').get('weight', [4, 3, 3, 3])
    w.get('scale', [])
    expect(w.shapes).toEqual(
      new Map([
        ['down_blocks.0.conv.weight', [4, 3, 3, 3]],
        ['scale', []],
      ]),
    )
    expect(w.count).toBe(4 * 3 * 3 * 3 + 1)
  })

  it('gives the same parameter for the same name', () => {
    const w = new ParameterSet()
    const first = w.at('fc').get('weight', [2, 3])
    expect(w.at('fc').get('weight', [2, 3])).toBe(first)
    expect(w.parameters.size).toBe(1)
  })

  it('refuses one name for two shapes', () => {
    const w = new ParameterSet()
    w.at('fc').get('weight', [2, 3])
    expect(() => w.at('fc').get('weight', [3, 2])).toThrow('parameter fc.weight is used as [2,3] and as [3,2]')
  })

  it('puts its prefix before the names in the graph alone', () => {
    const w = new ParameterSet('teacher.')
    const weight = w.at('fc').get('weight', [1])
    expect(leafName(weight)).toBe('teacher.fc.weight')
    expect([...w.parameters.keys()]).toEqual(['fc.weight'])
  })
})
