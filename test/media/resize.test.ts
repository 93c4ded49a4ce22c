import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frames } from '../../src/media/frames.js'
import { resizeLanczos } from '../../src/media/lanczos.js'
import {
  gaussianKernel,
  type Planes,
  resizeBilinear,
  resizeWithAntialiasing,
  type Size,
  toPlanes,
} from '../../src/media/resize.js'
import { readFixture, readJson, relativeError, tensorOf } from '../support/fixture.js'

interface Case {
  input: [number, number]
  size: [number, number]
}

const config = readJson<Record<'antialias' | 'lanczos' | 'bilinear', Case[]>>('resize/config.json')
const tensors = readFixture('resize/case.safetensors.gz')

function floatPicture(name: string): Planes {
  const { shape, data } = tensorOf(tensors, name)
  return { channels: shape[1]!, height: shape[2]!, width: shape[3]!, data: Float32Array.from(data) }
}

function bytePicture(name: string): Frames {
  const { shape, data } = tensorOf(tensors, name)
  return { count: 1, height: shape[0]!, width: shape[1]!, data: Uint8Array.from(data) }
}

const cases = (list: Case[]): [number, string, Size][] =>
  list.map(({ input, size: [height, width] }, i) => [i, `${input.join('x')} to ${height}x${width}`, { height, width }])

describe('resizeWithAntialiasing', () => {
  it.each(cases(config.antialias))('case %i, %s, is that of the reference', (i, _, size) => {
    const resized = resizeWithAntialiasing(floatPicture(`aa${i}.in`), size)
    expect([resized.channels, resized.height, resized.width]).toEqual([3, size.height, size.width])
    expect(relativeError(resized.data, tensorOf(tensors, `aa${i}.out`).data)).toBeLessThan(2e-5)
  })

  it('has the blur kernels of the reference', () => {
    const names = [...tensors.keys()].filter((name) => name.startsWith('gaussian.'))
    expect(names.length).toBeGreaterThan(2)
    for (const name of names) {
      const [, length, sigma] = /k(\d+)\.s([\d.]+)/.exec(name)!
      const kernel = gaussianKernel(Number(length), Number(sigma))
      expect(relativeError(kernel, tensorOf(tensors, name).data)).toBeLessThan(1e-6)
    }
  })

  it('makes any size, one pixel too, and keeps an even colour', () => {
    const side = fc.integer({ min: 1, max: 12 })
    fc.assert(
      fc.property(side, side, side, side, (height, width, toHeight, toWidth) => {
        const even = { channels: 1, height, width, data: new Float32Array(height * width).fill(0.7) }
        for (const resize of [resizeWithAntialiasing, resizeBilinear]) {
          const { data } = resize(even, { height: toHeight, width: toWidth })
          expect(relativeError(data, new Float32Array(toHeight * toWidth).fill(0.7))).toBeLessThan(1e-6)
        }
      }),
    )
  })
})

describe('resizeBilinear', () => {
  it.each(cases(config.bilinear))('case %i, %s, is that of the reference', (i, _, size) => {
    const resized = resizeBilinear(
      toPlanes(bytePicture(`bilinear${i}.in`), (value) => value),
      size,
    )
    const scaled = resized.data.map((value) => (2 * value) / 255 - 1)
    expect(relativeError(scaled, tensorOf(tensors, `bilinear${i}.out`).data)).toBeLessThan(2e-6)
  })
})

describe('resizeLanczos', () => {
  it.each(cases(config.lanczos))("case %i, %s, is Pillow's to the bit", (i, _, { height, width }) => {
    const resized = resizeLanczos(bytePicture(`lanczos${i}.in`), width, height)
    expect({ height: resized.height, width: resized.width }).toEqual({ height, width })
    expect(resized.data).toEqual(tensorOf(tensors, `lanczos${i}.out`).data)
  })

  // The first twelve bytes that Pillow 13.0 makes; in the last case it takes the width first, in the others the height.
  it.each([
    [4, 16, 3, 3, [101, 145, 145, 121, 99, 130, 164, 171, 153, 160, 99, 89]],
    [3, 9, 5, 4, [149, 210, 235, 132, 182, 220, 105, 131, 171, 99, 108, 110]],
    [8, 9, 3, 4, [102, 142, 174, 148, 152, 170, 130, 124, 98, 128, 87, 123]],
  ])('takes the axes in the order of Pillow 13: %ix%i to %ix%i', (width, height, newWidth, newHeight, expected) => {
    let state = 1
    const data = Uint8Array.from({ length: 3 * width * height }, () => (state = (state * 75 + 74) % 65537) & 255)
    const resized = resizeLanczos({ count: 1, width, height, data }, newWidth, newHeight)
    expect([...resized.data.subarray(0, 12)]).toEqual(expected)
    // Each of several frames by itself.
    const twice = resizeLanczos({ count: 2, width, height, data: Uint8Array.of(...data, ...data) }, newWidth, newHeight)
    expect([...twice.data]).toEqual([...resized.data, ...resized.data])
  })

  it('resizes each of several frames by itself', () => {
    const first = bytePicture('lanczos1.in')
    const second = { ...first, data: first.data.map((value) => 255 - value) }
    const both = { ...first, count: 2, data: Uint8Array.of(...first.data, ...second.data) }
    expect([...resizeLanczos(both, 20, 30).data]).toEqual([
      ...resizeLanczos(first, 20, 30).data,
      ...resizeLanczos(second, 20, 30).data,
    ])
  })

  it('keeps an even colour from and to any size, and stays within 0 to 255', () => {
    const side = fc.integer({ min: 1, max: 20 })
    fc.assert(
      fc.property(side, side, fc.nat(255), (from, to, value) => {
        const even = { count: 1, width: from, height: from, data: new Uint8Array(3 * from * from).fill(value) }
        expect(new Set(resizeLanczos(even, to, to).data)).toEqual(new Set([value]))
      }),
    )
    // A hard edge makes the filter overshoot; the bytes must not wrap around.
    const edge = Uint8Array.from({ length: 3 * 8 }, (_, i) => (i < 12 ? 0 : 255))
    const { data } = resizeLanczos({ count: 1, width: 8, height: 1, data: edge }, 16, 1)
    expect([data[0], data[3 * 6], data[3 * 9], data[3 * 15]]).toEqual([0, 0, 255, 255])
  })
})
