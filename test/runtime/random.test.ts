import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { philox } from '../../src/runtime/philox.js'
import { portableCosSin, portableLog } from '../../src/runtime/portable-math.js'
import { Random, type RandomState } from '../../src/runtime/random.js'

const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

describe('philox', () => {
  // The known answers of the Random123 library, kat_vectors, philox 4x32 10.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('maps counter %j under key %j to the published words', (counter, key, expected) => {
    const words = Uint32Array.from(counter)
    philox(words, Uint32Array.from(key), words)
    expect([...words]).toEqual(expected)
  })
})

describe('portable mathematics', () => {
  it('gives the logarithm to a relative 1e-15', () => {
    for (let i = 1; i < 3000; i++) {
      for (const x of [i / 3000, 2 ** (-i / 60), 1 - 2 ** (-i / 60)]) {
        if (x === 1) continue
        expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThanOrEqual(1e-15 * Math.abs(Math.log(x)))
      }
    }
    expect(portableLog(1)).toBe(0)
  })

  it('gives cosine and sine to 1e-15, and exactly at the quarters', () => {
    for (let i = 0; i < 4000; i++) {
      const [cosine, sine] = portableCosSin(i / 4000)
      // Math.cos of a rounded angle is itself off by half an ulp of the angle.
      expect(Math.abs(cosine - Math.cos((i / 4000) * 2 * Math.PI))).toBeLessThan(2e-15)
      expect(Math.abs(sine - Math.sin((i / 4000) * 2 * Math.PI))).toBeLessThan(2e-15)
      expect(Math.abs(cosine ** 2 + sine ** 2 - 1)).toBeLessThan(1e-15)
    }
    const quarters = [0, 0.25, 0.5, 0.75].map((turns) => portableCosSin(turns).map((value) => value + 0))
    expect(quarters).toEqual([
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ])
  })
})

describe('Random', () => {
  it('gives these numbers for seed 7, for ever and everywhere', () => {
    const random = new Random(7)
    expect([random.uniform(), random.uniform(), random.integer(1000)]).toMatchInlineSnapshot(`
      [
        0.9545971285563127,
        0.11417736176891524,
        406,
      ]
    `)
    expect([...random.normals(5)]).toMatchInlineSnapshot(`
      [
        0.9916566610336304,
        -0.3883267641067505,
        0.26665836572647095,
        -0.14906343817710876,
        0.4830034673213959,
      ]
    `)
    expect([...new Random(2n ** 64n - 1n, 'latents').normals(3)]).toMatchInlineSnapshot(`
      [
        2.4173500537872314,
        -1.952316164970398,
        0.43343666195869446,
      ]
    `)
  })

  it('does not depend on how many numbers are drawn at a time', () => {
    fc.assert(
      fc.property(seeds, fc.nat(1000), fc.nat(40), fc.nat(40), (seed, stream, first, second) => {
        const parts = new Random(seed, stream)
        expect([...parts.normals(first), ...parts.normals(second)]).toEqual([
          ...new Random(seed, stream).normals(first + second),
        ])
      }),
    )
  })

  it('goes on from a saved state', () => {
    fc.assert(
      fc.property(seeds, fc.oneof(fc.nat(), fc.string()), fc.nat(9), (seed, stream, drawn) => {
        const random = new Random(seed, stream)
        random.normals(drawn)
        const restored = Random.restore(JSON.parse(JSON.stringify(random.save())) as RandomState)
        expect(restored.uniform()).toBe(random.uniform())
        expect(restored.normals(4)).toEqual(random.normals(4))
      }),
    )
  })

  it('gives other numbers for another seed, stream, name or position', () => {
    const starts: RandomState[] = [
      { seed: '0', stream: 0, position: 0 },
      { seed: '1', stream: 0, position: 0 },
      { seed: String(2n ** 32n), stream: 0, position: 0 },
      { seed: '0', stream: 1, position: 0 },
      { seed: '0', stream: 2 ** 32, position: 0 },
      { seed: '0', stream: '0', position: 0 },
      { seed: '0', stream: 'noise', position: 0 },
      { seed: '0', stream: 0, position: 1 },
      { seed: '0', stream: 0, position: 2 ** 34 },
    ]
    const firsts = starts.map((state) => Random.restore(state).uniform())
    const normals = starts.map((state) => Random.restore(state).normals(1)[0])
    expect(new Set(firsts).size).toBe(starts.length)
    expect(new Set(normals).size).toBe(starts.length)
  })

  it('draws uniforms of the right moments, uncorrelated with their neighbours', () => {
    const random = new Random(1)
    const n = 40_000
    const draws = Array.from({ length: n }, () => random.uniform())
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(Math.min(...draws.slice(0, 9000))).toBeGreaterThanOrEqual(0)
    // Five standard errors.
    expect(Math.abs(mean(draws) - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n))
    expect(Math.abs(mean(draws.map((u) => u * u)) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / n))
    const product = mean(draws.slice(1).map((u, i) => (u - 0.5) * (draws[i]! - 0.5)))
    expect(Math.abs(product)).toBeLessThan(5 / 12 / Math.sqrt(n))
  })

  it('draws every integer below n about equally often', () => {
    const random = new Random(2)
    const counts = [0, 0, 0, 0, 0, 0, 0]
    for (let i = 0; i < 14_000; i++) counts[random.integer(7)]!++
    const chiSquared = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)
    // Six degrees of freedom: 22.5 is passed once in a thousand seeds.
    expect(chiSquared).toBeLessThan(22.5)
  })

  it('draws normals with the distribution function of a normal', () => {
    const n = 40_000
    const draws = [...new Random(3).normals(n)]
    const expected = { '-2': 0.02275, '-1': 0.158655, '0': 0.5, '1': 0.841345, '2': 0.97725, '3': 0.99865 }
    for (const [bound, share] of Object.entries(expected)) {
      const below = draws.filter((value) => value < Number(bound)).length / n
      expect(Math.abs(below - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / n))
    }
    const pairs = draws.filter((_, i) => i % 2 === 0).map((value, i) => value * draws[2 * i + 1]!)
    expect(Math.abs(pairs.reduce((sum, value) => sum + value, 0) / pairs.length)).toBeLessThan(5 / Math.sqrt(n / 2))
  })

  it('refuses seeds and streams that are no whole numbers in range', () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53, -1n, 2n ** 64n]) expect(() => new Random(seed)).toThrow(UserError)
    for (const stream of [-1, 0.5, NaN]) expect(() => new Random(0, stream)).toThrow(/stream/)
  })
})
