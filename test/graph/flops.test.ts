import { expect, it } from 'vitest'
import { countFlops } from '../../src/graph/flops.js'
import { gradients } from '../../src/graph/gradients.js'
import { attention, conv, input, linear, matmul, sum } from '../../src/graph/ops/index.js'

it('counts two operations for each multiply-add', () => {
  const a = input('a', [3, 4, 5])
  expect(countFlops([matmul(a, input('b', [5, 6]))])).toBe(2 * 3 * 4 * 5 * 6)
  expect(countFlops([matmul(a, input('b', [3, 4, 6]), { transA: true })])).toBe(2 * 3 * 5 * 4 * 6)
  expect(countFlops([linear(a, input('w', [7, 5]))])).toBe(2 * 12 * 5 * 7)
  const x = input('x', [2, 3, 8, 8])
  expect(countFlops([conv(x, input('w', [4, 3, 3, 3]), undefined, { padding: 1, stride: 2 })])).toBe(
    2 * 2 * 4 * 16 * 27,
  )
  const q = input('q', [2, 10, 8])
  const k = input('k', [2, 6, 8])
  expect(countFlops([attention(q, k, k, 2)])).toBe(2 * 2 * (2 * 10 * 6 * 8))
})

it('counts each gradient of a convolution or product like its forward pass', () => {
  const x = input('x', [2, 3, 8, 8])
  const w = input('w', [4, 3, 3, 3])
  const y = conv(x, w, undefined, { padding: 1 })
  expect(countFlops([y, ...gradients(sum(y), [x, w])])).toBe(3 * countFlops([y]))
  const z = linear(input('a', [5, 6]), input('v', [7, 6]))
  expect(countFlops([z, ...gradients(sum(z), z.inputs)])).toBe(3 * countFlops([z]))
})
