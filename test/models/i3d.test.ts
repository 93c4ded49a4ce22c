import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lower } from '../../src/graph/lower.js'
import { input, mean } from '../../src/graph/ops/index.js'
import { inceptionI3d } from '../../src/models/i3d/index.js'
import { maxPoolSame, samePadding } from '../../src/models/i3d/same.js'
import { ParameterSet } from '../../src/nn/weights.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { type StoredBytes } from '../../src/runtime/program.js'
import { Random } from '../../src/runtime/random.js'
import { Checkpoint } from '../../src/weights/checkpoint.node.js'
import { fixturePath, readFixture, readJson, tensorOf } from '../support/fixture.js'
import { expectClose, openFed } from './support.js'

const SHAPE = [1, 3, 16, 224, 224]

/** The reference's input: (7x + 13y + 29t + 101c) mod 256 as a colour, in [-1, 1]. */
function referenceInput(): Float32Array {
  const values = new Float32Array(SHAPE.reduce((product, n) => product * n, 1))
  let i = 0
  for (let c = 0; c < 3; c++)
    for (let t = 0; t < 16; t++)
      for (let y = 0; y < 224; y++)
        for (let x = 0; x < 224; x++) values[i++] = (((7 * x + 13 * y + 29 * t + 101 * c) % 256) / 255) * 2 - 1
  return values
}

describe('InceptionI3d', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sfv-i3d-'))
    const packed = readFileSync(fixturePath('i3d/start.safetensors.gz'))
    writeFileSync(join(folder, 'start.safetensors'), gunzipSync(packed))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('has the names and shapes of the reference', () => {
    const set = new ParameterSet()
    inceptionI3d(set, input('clips', SHAPE))
    const expected = readJson<Record<string, number[]>>('i3d/shapes.json')
    expect(Object.fromEntries(set.shapes)).toEqual(expected)
  })

  it("gives the reference's means after each layer, up to the first Inception module", async () => {
    const checkpoint = await Checkpoint.open(join(folder, 'start.safetensors'))
    const { endPoints } = inceptionI3d(new ParameterSet(), input('clips', SHAPE))
    const traces = readFixture('i3d/case.safetensors')
    const names = [...traces.keys()].map((name) => name.split('.')[1]!)
    expect(names).toContain('Mixed_3b')
    const outputs = Object.fromEntries(names.map((name) => [name, mean(endPoints.get(name)!, { axes: [0, 2, 3, 4] })]))
    const bind = (name: string) => checkpoint.tensors.get(name) as StoredBytes | undefined
    const program = await nodeEngine().load(lower(outputs, { bind }))
    const results = await program.run({ clips: referenceInput() })
    for (const name of names) expectClose(results[name], tensorOf(traces, `trace.${name}.channel_mean`).data, 2e-5)
    await program.dispose()
  })

  it('makes one feature vector of 14 to 16 frames, two of 24, and refuses fewer than nine', () => {
    const times = [9, 14, 16, 24].map((frames) => {
      const { features, logits } = inceptionI3d(new ParameterSet(), input('clips', [1, 3, frames, 224, 224]))
      expect(logits.shape).toEqual([1, 400])
      return features.shape[2]
    })
    expect(times).toEqual([1, 1, 1, 2])
    expect(() => inceptionI3d(new ParameterSet(), input('clips', [1, 3, 8, 224, 224]))).toThrow(RangeError)
  })
})

describe('SAME padding', () => {
  it("is TensorFlow's: the odd zero comes after", () => {
    expect(samePadding(224, 7, 2)).toEqual([2, 3])
    expect(samePadding(7, 7, 2)).toEqual([3, 3])
    expect(samePadding(7, 3, 1)).toEqual([1, 1])
    expect(samePadding(4, 2, 2)).toEqual([0, 0])
  })

  it.each([
    [
      [3, 3, 3],
      [2, 2, 2],
      [5, 6, 7],
    ],
    [
      [1, 3, 3],
      [1, 2, 2],
      [2, 4, 5],
    ],
    [
      [2, 2, 2],
      [2, 2, 2],
      [3, 4, 5],
    ],
    [
      [3, 3, 3],
      [1, 1, 1],
      [2, 3, 4],
    ],
  ])('max-pooling %j by %j of %j is the largest of each window', async (kernel, strides, sizes) => {
    const [channels] = [2]
    const values = new Random(1, 'pool').normals(channels * sizes[0]! * sizes[1]! * sizes[2]!).map(Math.abs)
    const program = await openFed({ y: maxPoolSame(input('x', [1, channels, ...sizes]), kernel, strides) })
    const { y } = await program.run({ x: values })
    await program.dispose()
    const expected: number[] = []
    const counts = sizes.map((size, i) => Math.ceil(size / strides[i]!))
    const windowOf = (axis: number, at: number) => {
      const start = at * strides[axis]! - samePadding(sizes[axis]!, kernel[axis]!, strides[axis]!)[0]
      return Array.from({ length: kernel[axis]! }, (_, k) => start + k).filter((i) => i >= 0 && i < sizes[axis]!)
    }
    for (let c = 0; c < channels; c++)
      for (let f = 0; f < counts[0]!; f++)
        for (let h = 0; h < counts[1]!; h++)
          for (let w = 0; w < counts[2]!; w++) {
            const [frames, rows, columns] = [windowOf(0, f), windowOf(1, h), windowOf(2, w)]
            const at = (i: number, j: number, k: number) =>
              values[((c * sizes[0]! + i) * sizes[1]! + j) * sizes[2]! + k]!
            expected.push(Math.max(...frames.flatMap((i) => rows.flatMap((j) => columns.map((k) => at(i, j, k))))))
          }
    expect(Array.from(y!)).toEqual(expected)
  })
})
