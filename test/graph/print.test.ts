import { expect, it } from 'vitest'
import { gradients } from '../../src/graph/gradients.js'
import * as ops from '../../src/graph/ops/index.js'
import { printGraph } from '../../src/graph/print.js'

it('prints a small network', () => {
  const x = ops.input('x', [1, 2, 4, 4])
  const h = ops.conv(x, ops.parameter('conv.weight', [3, 2, 3, 3]), undefined, { stride: 2, padding: [0, 0, 1, 1] })
  const tokens = ops.transpose(ops.reshape(ops.silu(h), [1, 3, 4]), [0, 2, 1])
  const mixed = ops.attention(tokens, tokens, tokens, 1)
  const frequencies = ops.constant(
    Float32Array.from({ length: 12 }, (_, i) => i / 4),
    [4, 3],
  )
  const out = ops.cast(ops.greater(ops.mul(mixed, frequencies), 0), 'float32')
  expect(printGraph({ out, h })).toMatchInlineSnapshot(`
    "%0 float32[1,2,4,4] = input x
    %1 float32[3,2,3,3] = parameter conv.weight
    %2 float32[1,3,2,2] = conv(%0, %1) strides=[2,2] pads=[0,0,1,1]
    %3 float32[1,3,2,2] = silu(%2)
    %4 float32[1,3,4] = reshape(%3)
    %5 float32[1,4,3] = transpose(%4) order=[0,2,1]
    %6 float32[1,4,3] = attention(%5, %5, %5) heads=1
    %7 float32[4,3] = constant() data=[0,0.25,0.5,0.75,... 12 values]
    %8 float32[1,4,3] = mul(%6, %7)
    %9 float32[] = constant() data=[0]
    %10 bool[1,4,3] = greater(%8, %9)
    %11 float32[1,4,3] = cast(%10) dtype=float32
    return out=%11, h=%2"
  `)
})

it('prints a gradient with a block that is computed again', () => {
  const x = ops.input('x', [3])
  const loss = ops.sum(ops.rematerialise((h) => ops.exp(h), x))
  expect(printGraph({ loss, dx: gradients(loss, [x])[0]! })).toMatchInlineSnapshot(`
    "%0 float32[3] = input x
    %1 float32[3] = stopGradient(%0)
    %2 float32[3] = exp(%1)
    %3 float32[3] = rematerialise(%2, %0) count=1
    %4 float32[] = sum(%3) axes=[0] keepAxes=false
    %5 float32[] = constant() data=[1]
    %6 float32[1] = reshape(%5)
    %7 float32[3] = broadcastTo(%6)
    %8 float32[3] = copyAfter(%0, %7)
    %9 float32[3] = exp(%8)
    %10 float32[3] = mul(%7, %9)
    return loss=%4, dx=%10"
  `)
})
