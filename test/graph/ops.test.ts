import { describe, expect, it } from 'vitest'
import { allOps } from '../../src/graph/op.js'
import { attentionCases } from './cases/attention.js'
import { convCases } from './cases/conv.js'
import { elementwiseCases } from './cases/elementwise.js'
import { matmulCases } from './cases/matmul.js'
import { movementCases } from './cases/movement.js'
import { normalizeCases } from './cases/normalize.js'
import { selectCases } from './cases/select.js'
import { checkCase } from './support/check.js'

const cases = [
  ...elementwiseCases,
  ...movementCases,
  ...selectCases,
  ...matmulCases,
  ...convCases,
  ...normalizeCases,
  ...attentionCases,
]

it('every case is of an op of the language', () => {
  expect(cases.filter(({ op }) => !allOps().has(op))).toEqual([])
})

describe.each([...allOps().keys()])('%s', (op) => {
  const own = cases.filter((test) => test.op === op)

  it('has cases', () => {
    expect(own).not.toEqual([])
  })

  it.each(own)('$title: value, gradient, gradient of the gradient', checkCase)
})
