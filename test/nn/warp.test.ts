import { describe, expect, it } from 'vitest'
import { lower } from '../../src/graph/lower.js'
import { constant } from '../../src/graph/ops/index.js'
import { type Tensor } from '../../src/graph/tensor.js'
import { averagePool, bilinearCorners, depthToSpace, upsampleBilinear, warp } from '../../src/nn/warp.js'
import { nodeEngine } from '../../src/runtime/engine.node.js'
import { Random } from '../../src/runtime/random.js'

async function run(out: Tensor): Promise<Float32Array> {
  const program = await nodeEngine({ threads: 1 }).load(lower({ out }))
  const { out: values } = await program.run({})
  await program.dispose()
  return values!
}

const random = (n: number, name: string) => new Random(3, name).normals(n)

/** The largest difference of two vectors. */
function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

describe('warp', () => {
  const [pictures, channels, height, width, flowsEach] = [2, 3, 5, 7, 2]
  const data = random(pictures * channels * height * width, 'pictures')
  const corners = bilinearCorners(constant(data, [pictures, channels, height, width]))
  const flowed = (flow: Float32Array) => run(warp(corners, constant(flow, [pictures * flowsEach, 2, height, width])))

  /** Samples one pixel at a time, as PyTorch's grid_sample does with border padding. */
  function sampled(flow: Float32Array): Float32Array {
    const out = new Float32Array(pictures * flowsEach * height * width * channels)
    const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value))
    let at = 0
    for (let m = 0; m < pictures * flowsEach; m++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < channels; c++) {
            const [dx, dy] = [0, 1].map((axis) => flow[((2 * m + axis) * height + y) * width + x]!) as [number, number]
            const [px, py] = [clamp(x + dx, width), clamp(y + dy, height)]
            const [left, top] = [Math.floor(px), Math.floor(py)]
            const pixel = (row: number, column: number) =>
              data[
                ((Math.floor(m / flowsEach) * channels + c) * height + clamp(row, height)) * width +
                  clamp(column, width)
              ]!
            const along = (row: number) => pixel(row, left) * (1 - px + left) + pixel(row, left + 1) * (px - left)
            out[at++] = along(top) * (1 - py + top) + along(top + 1) * (py - top)
          }
    return out
  }

  it('gives the pictures back where nothing flows', async () => {
    const still = new Float32Array(pictures * flowsEach * 2 * height * width)
    expect(difference(await flowed(still), sampled(still))).toBeLessThan(0.01)
  })

  it('samples between pixels as grid_sample does, and the edge beyond it', async () => {
    const flow = random(pictures * flowsEach * 2 * height * width, 'flow').map((n) => 2 * n)
    expect(difference(await flowed(flow), sampled(flow))).toBeLessThan(0.01)
  })
})

describe('sizes', () => {
  it('upsampleBilinear interpolates as torch does without align_corners', async () => {
    const line = await run(upsampleBilinear(constant([0, 4, 8, 12], [1, 1, 2, 2]), 2))
    const rows = [
      [0, 1, 3, 4],
      [2, 3, 5, 6],
      [6, 7, 9, 10],
      [8, 9, 11, 12],
    ]
    expect([...line]).toEqual(rows.flat())
  })

  it('depthToSpace puts four channels into squares', async () => {
    const values = Float32Array.from({ length: 8 }, (_, i) => i)
    expect([...(await run(depthToSpace(constant(values, [1, 8, 1, 1]), 2)))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    const two = await run(depthToSpace(constant([0, 1, 2, 3, 4, 5, 6, 7], [1, 4, 1, 2]), 2))
    expect([...two]).toEqual([0, 2, 1, 3, 4, 6, 5, 7])
  })

  it('averagePool takes means of squares', async () => {
    const values = Float32Array.from({ length: 16 }, (_, i) => i)
    expect([...(await run(averagePool(constant(values, [1, 1, 4, 4]), 2)))]).toEqual([2.5, 4.5, 10.5, 12.5])
  })
})
