import { describe, expect, it } from 'vitest'
import { TorchRandom } from '../../src/runtime/torch-random.js'
import { readJson } from '../support/fixture.js'

const cases =
  readJson<{ seed: number; calls: { n: number; head: number[]; tail: number[]; sum: number }[] }[]>(
    'torch-randn/case.json',
  )

const close = (actual: Float32Array, expected: readonly number[]) =>
  expect(Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)))).toBeLessThan(3e-6)

describe('the generator of PyTorch', () => {
  it('gives the published values of torch.manual_seed(0) and (42)', () => {
    const rounded = (seed: number) => Array.from(new TorchRandom(seed).randn(5), (x) => Number(x.toFixed(4)))
    expect(rounded(0)).toEqual([1.541, -0.2934, -2.1788, 0.5684, -1.0845])
    expect(rounded(42)).toEqual([0.3367, 0.1288, 0.2345, 0.2303, -1.1229])
  })

  it.each(cases)('gives call after call of seed $seed what PyTorch 2.15 does', ({ seed, calls }) => {
    const random = new TorchRandom(seed)
    for (const { n, head, tail, sum } of calls) {
      const values = random.randn(n)
      close(values.subarray(0, head.length), head)
      close(values.subarray(n - tail.length), tail)
      expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 3)
    }
  })

  it('takes the low 32 bits of a seed', () => {
    expect(new TorchRandom(2 ** 40 + 5).randn(20)).toEqual(new TorchRandom(5).randn(20))
  })
})
