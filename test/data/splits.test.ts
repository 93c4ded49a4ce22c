import { describe, expect, it } from 'vitest'
import { splitByName } from '../../src/data/splits.js'

const names = Array.from({ length: 5000 }, (_, i) => `clips/${i}.mp4`)
const tests = (share: number) => names.filter((name) => splitByName(name, share) === 'test')

describe('the split of clips by their names', () => {
  it.each([0, 0.05, 0.1, 0.25, 0.5, 1])('keeps a share of %d for testing', (share) => {
    expect(tests(share).length / names.length).toBeCloseTo(share, 1)
  })

  it('keeps none at 0 and all at 1', () => {
    expect(tests(0)).toEqual([])
    expect(tests(1)).toEqual(names)
  })

  it('only adds to the test split as the share grows', () => {
    let before = new Set<string>()
    for (const share of [0.02, 0.1, 0.15, 0.4, 0.9]) {
      const now = new Set(tests(share))
      expect([...before].every((name) => now.has(name))).toBe(true)
      before = now
    }
  })

  it('is at a tenth what stores were made by before shares could be told', () => {
    const hash = (name: string) => {
      let value = 0x811c9dc5
      for (const byte of new TextEncoder().encode(name)) value = Math.imul(value ^ byte, 0x01000193) >>> 0
      return (value ^ (value >>> 15)) >>> 0
    }
    expect(tests(0.1)).toEqual(names.filter((name) => hash(name) % 10 === 0))
  })
})
