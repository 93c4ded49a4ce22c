import { describe, expect, it } from 'vitest'
import { ShapeError } from '../../src/graph/op.js'
import * as ops from '../../src/graph/ops/index.js'
import { describe as describeTensor, dim, type Tensor } from '../../src/graph/tensor.js'
import { conv2d, linear } from '../../src/nn/layers.js'
import { ParameterSet } from '../../src/nn/weights.js'

const t = (...shape: number[]) => ops.input('x', shape)
const bool = ops.greater(t(2), 0)
const index = ops.input('i', [2], 'int64')
const unit = { strides: [1, 1], pads: [0, 0, 0, 0] }

/** What cannot be, and what its error begins with. */
const mistakes: [string, () => Tensor][] = [
  ['add(float32[2,3], float32[2]): the shapes do not broadcast', () => ops.add(t(2, 3), t(2))],
  ['mul(float32[2], int64[2]): takes two floats of one type', () => ops.mul(t(2), index)],
  ['exp(int64[2]): takes floats', () => ops.exp(index)],
  ['pow(int64[2]): takes floats', () => ops.pow(index, 2)],
  ['addAll(float32[2], float32[1]): the shapes differ', () => ops.addAll([t(2), t(1)])],
  ['sum(float32[2,3]): has no axes [2]', () => ops.sum(t(2, 3), { axes: [2] })],
  ['reshape(float32[2,3]): cannot become [4]', () => ops.reshape(t(2, 3), [4])],
  ['reshape(float32[5]): cannot become [2,2.5]', () => ops.reshape(t(5), [2, -1])],
  ['transpose(float32[2,3]): [0,0] is no permutation', () => ops.transpose(t(2, 3), [0, 0])],
  ['broadcastTo(float32[2,3]): does not broadcast to [3]', () => ops.broadcastTo(t(2, 3), [3])],
  ['slice(float32[2,3]): has no entries 1 to 4 on axis 1', () => ops.slice(t(2, 3), -1, 1, 4)],
  ['pad(float32[2]): cannot pad axis 1 by 1, 0', () => ops.pad(t(2), 1, 1, 0)],
  ['concat(float32[2,3], float32[3,3]): shapes differ off axis 1', () => ops.concat([t(2, 3), t(3, 3)], 1)],
  ['upsampleNearest(float32[2,3]): takes (n, c, h, w)', () => ops.upsampleNearest(t(2, 3), 2)],
  ['greater(float32[2], float32[3]): the shapes do not broadcast', () => ops.greater(t(2), t(3))],
  ['equal(float32[2], int64[2]): the types differ', () => ops.equal(t(2), index)],
  ['where(float32[2], float32[2], float32[2]): takes a bool', () => ops.where(t(2), t(2), t(2))],
  ['where(bool[2], float32[3], float32[]): takes a bool', () => ops.where(bool, t(3), 0)],
  ['gather(float32[2], float32[2]): indices are a vector of int64', () => ops.gather(t(2), t(2), 0)],
  ['gather(float32[2], int64[2]): there is no axis 1', () => ops.gather(t(2), index, 1)],
  ['scatterAdd(float32[3], int64[2]): needs one index per entry', () => ops.scatterAdd(t(3), index, 0, 4)],
  ['matmul(float32[3], float32[3,2]): takes matrices', () => ops.matmul(t(3), t(3, 2))],
  ['matmul(float32[2,3], float32[2,3]): inner sizes 3 and 2', () => ops.matmul(t(2, 3), t(2, 3))],
  ['matmul(float32[2,1,3], float32[3,3,1]): inner sizes', () => ops.matmul(t(2, 1, 3), t(3, 3, 1))],
  ['linear(float32[2,3], float32[3,2]): takes (..., in)', () => ops.linear(t(2, 3), t(3, 2))],
  ['conv(float32[1,3,8], float32[4,3,3,3]): takes (n, in, ...)', () => ops.conv(t(1, 3, 8), t(4, 3, 3, 3))],
  ['conv(float32[1,3,8], float32[4,3,3], float32[3]): the bias', () => ops.conv(t(1, 3, 8), t(4, 3, 3), t(3))],
  ['conv(float32[1,3,2], float32[4,3,3]): the kernel is larger', () => ops.conv(t(1, 3, 2), t(4, 3, 3))],
  [
    'conv(float32[1,3,8], float32[4,3,3]): takes one padding per axis, or two',
    () => ops.conv(t(1, 3, 8), t(4, 3, 3), undefined, { padding: [1, 1, 1] }),
  ],
  [
    'convInputGrad(float32[1,3,8,8], float32[4,3,3,3]): takes (n, out, ...)',
    () => ops.convInputGrad(t(1, 3, 8, 8), t(4, 3, 3, 3), [10, 10], unit),
  ],
  [
    'convWeightGrad(float32[1,3,8,8], float32[2,3,8,8]): takes (n, in, ...)',
    () => ops.convWeightGrad(t(1, 3, 8, 8), t(2, 3, 8, 8), [1, 1], unit),
  ],
  ['layerNorm(float32[2,3], float32[2], float32[2]): weight', () => ops.layerNorm(t(2, 3), t(2), t(2), 1e-5)],
  ['groupNorm(float32[1,3,4], float32[3], float32[3]): takes', () => ops.groupNorm(t(1, 3, 4), t(3), t(3), 2, 1e-5)],
  ['attention(float32[1,2,4], float32[1,3,6], float32', () => ops.attention(t(1, 2, 4), t(1, 3, 6), t(1, 3, 4), 2)],
]

describe('a shape error', () => {
  it.each(mistakes)('%s', (message, make) => {
    expect(make).toThrow(ShapeError)
    expect(make).toThrow(message)
  })

  it('says at which parameter of a model it happened', () => {
    const conv = () => ops.conv(t(1, 3, 8, 8), ops.parameter('conv_in.weight', [4, 5, 3, 3]))
    expect(conv).toThrow('conv(float32[1,3,8,8], float32[4,5,3,3] at conv_in.weight): takes (n, in, ...)')
    const w = new ParameterSet()
    const h = conv2d(w.at('down_blocks').at(0).at('conv'), t(1, 3, 8, 8), 4, 3)
    expect(() => ops.add(h, t(1, 4, 8, 8))).toThrow(
      'add(float32[1,4,6,6] at down_blocks.0.conv.weight, float32[1,4,8,8]): the shapes do not broadcast',
    )
  })

  it('follows the last parameter used', () => {
    const w = new ParameterSet()
    const h = linear(w.at('second'), ops.exp(linear(w.at('first'), t(2, 3), 4)), 5)
    expect(describeTensor(ops.neg(h))).toBe('float32[2,5] at second.weight')
  })

  it('of an axis that is not there', () => {
    expect(() => dim(t(2, 3), 2)).toThrow('float32[2,3] has no axis 2')
    expect(dim(t(2, 3), -1)).toBe(3)
  })

  it('of values that do not fill a constant, and of empty lists', () => {
    expect(() => ops.constant([1, 2, 3], [2])).toThrow('constant: 3 values for shape [2]')
    expect(() => ops.concat([], 0)).toThrow('concat: no tensors')
    expect(() => ops.addAll([])).toThrow('addAll: nothing to add')
  })
})
