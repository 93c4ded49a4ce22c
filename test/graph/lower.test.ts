import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gradients } from '../../src/graph/gradients.js'
import { lower } from '../../src/graph/lower.js'
import * as ops from '../../src/graph/ops/index.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { type StoredBytes } from '../../src/runtime/program.js'
import { Checkpoint, saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { relativeError } from '../support/fixture.js'
import { evaluate } from './support/check.js'
import { values } from './support/nd.js'

const x = ops.input('x', [2, 3])
const feeds = { x: values([2, 3], 1).data }

describe('what is written', () => {
  it('leaves out what the outputs do not need', () => {
    const y = ops.exp(x)
    ops.mul(y, ops.input('unused', [2, 3]))
    const graph = lower({ y })
    expect(graph.nodeCount).toBe(1)
    expect(graph.inputs).toEqual([{ name: 'x', shape: [2, 3], dtype: 'float32' }])
    expect(graph.outputs).toEqual([{ name: 'y', shape: [2, 3], dtype: 'float32' }])
  })

  it('writes equal nodes and equal constants once', () => {
    const once = lower({ y: ops.mul(ops.exp(x), 2) })
    const twice = lower({ y: ops.mul(ops.exp(x), 2), z: ops.mul(ops.exp(x), 2) })
    expect(twice.nodeCount).toBe(once.nodeCount + 1)
  })

  it('sums over an axis of one element', async () => {
    const column = Float32Array.from({ length: 16 }, (_, i) => i)
    const y = await evaluate({ y: ops.sum(ops.input('column', [16, 1]), { axes: [1] }) }, { column })
    expect(y.y).toEqual(column)
  })

  it('keeps constants apart that differ in type, shape or sign of zero', async () => {
    const one = ops.constant([1, 1], [2])
    const column = ops.constant([1, 1], [2, 1])
    const integers = ops.cast(ops.constant(BigInt64Array.of(1n, 1n), [2]), 'float32')
    const signs = ops.concat([ops.constant([0], [1]), ops.constant([-0], [1])], 0)
    const y = await evaluate({ sum: ops.add(ops.add(one, column), integers), infinities: ops.reciprocal(signs) })
    expect([...y.sum!]).toEqual([3, 3, 3, 3])
    expect([...y.infinities!]).toEqual([Infinity, -Infinity])
  })

  it('shares forward values with the gradient', () => {
    const y = ops.sum(ops.softmax(x))
    const [dx] = gradients(y, [x])
    const softmaxes = (outputs: Parameters<typeof lower>[0]) =>
      [
        ...Buffer.from(lower(outputs, { training: true }).model)
          .toString('latin1')
          .matchAll(/Softmax/g),
      ].length
    expect(softmaxes({ y, dx: dx! })).toBe(softmaxes({ y }))
  })

  it('takes inputs and outputs named like values inside', async () => {
    const [v0, c1] = [ops.input('v0', [2]), ops.input('c1', [2])]
    const y = ops.add(ops.mul(ops.exp(v0), c1), 3)
    const results = await evaluate(
      { v1: y, v2: ops.neg(y), c0: ops.exp(y) },
      { v0: Float32Array.of(0, 0), c1: Float32Array.of(1, 2) },
    )
    expect([...results.v1!]).toEqual([4, 5])
    expect([...results.v2!]).toEqual([-4, -5])
    expect(results.c0![0]).toBeCloseTo(Math.exp(4), 4)
    expect(() => lower({ '%3': y })).toThrow(/%3/)
    expect(() => lower({ y: ops.exp(ops.input('%0', [1])) })).toThrow(/%0/)
  })

  it('takes an output that is an input, and one tensor under two names', async () => {
    const y = ops.neg(x)
    const results = await evaluate({ same: x, y, again: y }, feeds)
    expect(results.same).toEqual(feeds.x)
    expect(results.again).toEqual(feeds.x.map((v) => -v))
    expect(results.y).toEqual(results.again)
  })

  it('takes indices as an input', async () => {
    const rows = ops.gather(ops.constant([1, 2, 3], [3]), ops.input('index', [2], 'int64'), 0)
    expect([...(await evaluate({ rows }, { index: BigInt64Array.of(2n, 0n) })).rows!]).toEqual([3, 1])
  })

  it('refuses one input name for two shapes', () => {
    const y = ops.add(ops.input('a', [2]), ops.input('a', [1]))
    expect(() => lower({ y })).toThrow('lower: input a is both [2] and [1]')
  })
})

describe('attention', () => {
  const q = ops.input('q', [2, 5, 8])
  const k = ops.input('k', [2, 7, 8])
  const v = ops.input('v', [2, 7, 8])
  const y = ops.attention(q, k, v, 2)
  const feeds = { q: values(q.shape, 1).data, k: values(k.shape, 2).data, v: values(v.shape, 3).data }

  it('is one fused node in inference and its parts in training, of the same value', async () => {
    expect(lower({ y }).nodeCount).toBe(1)
    expect(lower({ y }, { training: true }).nodeCount).toBeGreaterThan(8)
    const fused = await evaluate({ y }, feeds)
    const parts = await evaluate({ y }, feeds, { training: true })
    expect(relativeError(parts.y!, fused.y!)).toBeLessThan(2e-6)
  })
})

describe('weights in a checkpoint', () => {
  const weight = values([4, 3], 5)
  const bias = values([4], 6)
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sfv-lower-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const save = async (name: string, dtype: 'F32' | 'F16' | 'BF16') => {
    const path = join(folder, name)
    const named = [
      { name: 'fc.weight', ...weight },
      { name: 'fc.bias', ...bias },
    ]
    await saveCheckpoint(path, named, { dtype })
    return Checkpoint.open(path)
  }
  const y = ops.linear(x, ops.parameter('fc.weight', [4, 3]), ops.parameter('fc.bias', [4]))
  const bindTo = (checkpoint: Checkpoint) => (name: string) => checkpoint.tensors.get(name) as StoredBytes | undefined
  const fed = () => evaluate({ y }, { ...feeds, 'fc.weight': weight.data, 'fc.bias': bias.data })

  it.each([
    ['F32', 1e-7],
    ['F16', 1e-3],
    ['BF16', 8e-3],
  ] as const)('are read from a file of %s', async (dtype, tolerance) => {
    const checkpoint = await save(`${dtype}.safetensors`, dtype)
    const graph = lower({ y }, { bind: bindTo(checkpoint) })
    expect(graph.files).toEqual([checkpoint.path])
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x'])
    const rounded = Object.fromEntries(await checkpoint.readAll())
    const stored = await evaluate({ y }, feeds, { bind: bindTo(checkpoint) })
    expect(relativeError(stored.y!, (await evaluate({ y }, { ...feeds, ...rounded })).y!)).toBeLessThan(1e-6)
    expect(relativeError(stored.y!, (await fed()).y!)).toBeLessThan(tolerance)
    expect((await readdir(folder)).filter((name) => name.includes('.onnx'))).toEqual([])
  })

  it('are read from a folder that cannot be written to', async () => {
    const checkpoint = await save('read-only.safetensors', 'F32')
    await chmod(folder, 0o555)
    try {
      const stored = await evaluate({ y }, feeds, { bind: bindTo(checkpoint) })
      expect(relativeError(stored.y!, (await fed()).y!)).toBeLessThan(1e-6)
    } finally {
      await chmod(folder, 0o755)
    }
  })

  it('may lie in several folders, under several names or one', async () => {
    const [a, b] = [await save('a.safetensors', 'F32'), await save('other/b.safetensors', 'F16')]
    const bind = (name: string) => bindTo(name === 'fc.bias' ? b : a)(name)
    const stored = await evaluate({ y }, feeds, { bind })
    expect(relativeError(stored.y!, (await fed()).y!)).toBeLessThan(1e-3)
    const same = await save('other/a.safetensors', 'F32')
    const bindSame = (name: string) => bindTo(name === 'fc.bias' ? same : a)(name)
    expect((await evaluate({ y }, feeds, { bind: bindSame })).y).toEqual((await fed()).y)
  })

  it('may be trained in part: a gradient by what is fed, through what is stored', async () => {
    const checkpoint = await save('part.safetensors', 'F32')
    const w = ops.parameter('fc.weight', [4, 3])
    const b = ops.parameter('fc.bias', [4])
    const [db] = gradients(ops.sum(ops.square(ops.linear(x, w, b))), [b])
    const bind = (name: string) => (name === 'fc.bias' ? undefined : bindTo(checkpoint)(name))
    const graph = lower({ db: db! }, { bind, training: true })
    expect(graph.inputs.map(({ name }) => name).sort()).toEqual(['fc.bias', 'x'])
    const { db: actual } = await evaluate({ db: db! }, { ...feeds, 'fc.bias': bias.data }, { bind, training: true })
    const { y } = await fed()
    const expected = Array.from({ length: 4 }, (_, j) => 2 * (y![j]! + y![4 + j]!))
    expect(relativeError(actual!, expected)).toBeLessThan(1e-6)
  })
})

describe('a program', () => {
  it('writes outputs into the buffers it is given', async () => {
    const program = await nodeEngine({ threads: 1 }).load(lower({ a: ops.neg(x), b: ops.exp(x) }))
    const a = new Float32Array(6)
    const results = await program.run(feeds, { a })
    await program.dispose()
    expect(a).toEqual(feeds.x.map((v) => -v))
    expect(results.a).toEqual(a)
    expect(relativeError(results.b!, feeds.x.map(Math.exp))).toBeLessThan(1e-6)
  })

  it('names the input whose values are missing or too many', async () => {
    await expect(evaluate({ y: ops.neg(x) }, {})).rejects.toThrow('x takes 6 values [2,3], got none')
    await expect(evaluate({ y: ops.neg(x) }, { x: new Float32Array(7) })).rejects.toThrow(
      'x takes 6 values [2,3], got 7',
    )
  })
})
