import { describe, expect, it } from 'vitest'
import { bootstrapInterval } from '../../src/evaluation/bootstrap.js'
import { frechetDistance, type FeatureRows } from '../../src/evaluation/frechet.js'
import { kernelDistance } from '../../src/evaluation/kernel-distance.js'
import { Random } from '../../src/runtime/random.js'
import { readFixture, readJson, tensorOf } from '../support/fixture.js'

const { cases } = readJson<{ cases: Record<string, { distance: number; distance_nuclear: number }> }>(
  'frechet/config.json',
)
const fixture = readFixture('frechet/case.safetensors.gz')

function rowsOf(name: string): FeatureRows {
  const { shape, data } = tensorOf(fixture, name)
  const width = shape[1]!
  return Array.from({ length: shape[0]! }, (_, i) => data.subarray(i * width, (i + 1) * width))
}

/** `count` rows of `width` independent normals around `mean`. */
function normalRows(count: number, width: number, mean: number, stream: string): Float32Array[] {
  const random = new Random(1, stream)
  return Array.from({ length: count }, () => random.normals(width).map((value) => value + mean))
}

describe('frechetDistance', () => {
  it.each(Object.keys(cases))('agrees with scipy on %s', (name) => {
    // The reference's own three routes differ by 1e-8 where a covariance is singular.
    const { distance_nuclear: expected } = cases[name]!
    const distance = frechetDistance(rowsOf(`${name}.x`), rowsOf(`${name}.y`))
    expect(Math.abs(distance - expected)).toBeLessThan(1e-7 * Math.max(1, expected))
  })

  it('is symmetric, and does not mind the order of clips', () => {
    const [x, y] = [rowsOf('full.x'), rowsOf('full.y')]
    const distance = frechetDistance(x, y)
    expect(frechetDistance(y, x)).toBeCloseTo(distance, 9)
    expect(frechetDistance([...x].reverse(), y)).toBeCloseTo(distance, 9)
  })

  it('is the squared distance of the means where the covariances are equal', () => {
    const x = normalRows(30, 5, 0, 'a')
    const moved = x.map((row) => row.map((value, i) => value + i))
    expect(frechetDistance(x, moved)).toBeCloseTo(30, 4)
  })
})

describe('kernelDistance', () => {
  it('scatters around zero for equal distributions, whatever the number of clips, and grows with a shift', () => {
    const estimates = Array.from({ length: 40 }, (_, i) =>
      kernelDistance(normalRows(12, 6, 0, `x ${i}`), normalRows(12, 6, 0, `y ${i}`)),
    )
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length
    const deviation = Math.sqrt(estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / estimates.length)
    expect(Math.abs(mean)).toBeLessThan((3 * deviation) / Math.sqrt(estimates.length))
    expect(estimates.some((value) => value < 0)).toBe(true)
    const shifted = [0.5, 1, 2].map((mean) => kernelDistance(normalRows(40, 6, 0, 'x'), normalRows(40, 6, mean, 'y')))
    expect(shifted[0]).toBeGreaterThan(0)
    expect(shifted[1]).toBeGreaterThan(shifted[0]!)
    expect(shifted[2]).toBeGreaterThan(shifted[1]!)
  })

  it('is zero for a set and itself', () => {
    const rows = normalRows(9, 6, 0, 'x')
    expect(kernelDistance(rows, rows)).toBe(0)
  })

  it('is the sum written out, for two clips each', () => {
    const k = (a: number, b: number) => (a * b + 1) ** 3
    const expected = k(1, 2) + k(3, 5) - k(1, 5) - k(2, 3)
    expect(kernelDistance([[1], [2]], [[3], [5]])).toBeCloseTo(expected, 9)
  })
})

describe('bootstrapInterval', () => {
  it('holds the true mean about 95 times in 100', () => {
    let held = 0
    for (let trial = 0; trial < 100; trial++) {
      const values = new Random(trial, 'values').normals(40)
      const mean = (clips: readonly number[]) => clips.reduce((sum, i) => sum + values[i]!, 0) / clips.length
      const [low, high] = bootstrapInterval(values.length, mean, new Random(trial, 'draws'))
      if (low <= 0 && high >= 0) held++
    }
    // Four deviations of a binomial of 95 %.
    expect(held).toBeGreaterThanOrEqual(86)
  })

  it('lies around a distance that repeated clips enlarge', () => {
    const [x, y] = [normalRows(30, 12, 0, 'x'), normalRows(30, 12, 0.3, 'y')]
    const distance = (clips: readonly number[]) =>
      frechetDistance(
        clips.map((i) => x[i]!),
        clips.map((i) => y[i]!),
      )
    const [low, high] = bootstrapInterval(30, distance, new Random(0))
    const value = frechetDistance(x, y)
    expect(low).toBeLessThan(value)
    expect(high).toBeGreaterThan(value)
  })
})
