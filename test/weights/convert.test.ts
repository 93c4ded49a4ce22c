import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  fromFloat32,
  toFloat32,
} from '../../src/weights/convert.js'

const toBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!
const fromBits = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!

const formats = [
  { name: 'F16', encode: float32ToFloat16, decode: float16ToFloat32, infinity: 0x7c00 },
  { name: 'BF16', encode: float32ToBfloat16, decode: bfloat16ToFloat32, infinity: 0x7f80 },
] as const

describe.each(formats)('$name', ({ encode, decode, infinity }) => {
  it('gives back every finite pattern and both infinities', () => {
    const positive = Uint16Array.from({ length: infinity + 1 }, (_, bits) => bits)
    const negative = positive.map((bits) => bits | 0x8000)
    expect(encode(decode(positive))).toEqual(positive)
    expect(encode(decode(negative))).toEqual(negative)
  })

  it('grows with the pattern', () => {
    const values = decode(Uint16Array.from({ length: infinity + 1 }, (_, bits) => bits))
    expect(values.every((value, i) => i === 0 || value > values[i - 1]!)).toBe(true)
  })

  it('rounds to the nearest pattern, and to the even one from the middle between any two', () => {
    const count = infinity - 1
    const patterns = Uint16Array.from({ length: count + 1 }, (_, bits) => bits)
    const values = decode(patterns)
    const middles = Float32Array.from({ length: count }, (_, i) => (values[i]! + values[i + 1]!) / 2)
    const below = middles.map((value) => fromBits(toBits(value) - 1))
    const above = middles.map((value) => fromBits(toBits(value) + 1))
    const lower = patterns.subarray(0, count)
    expect(encode(below)).toEqual(lower)
    expect(encode(middles)).toEqual(lower.map((bits) => bits + (bits & 1)))
    expect(encode(above)).toEqual(lower.map((bits) => bits + 1))
    expect(encode(above.map((value) => -value))).toEqual(lower.map((bits) => (bits + 1) | 0x8000))
  })

  it('keeps NaN a NaN, whatever its payload', () => {
    const words = Uint32Array.of(0x7fc00000, 0x7f800001, 0xffc00000, 0xff800001, 0x7fffffff)
    const values = decode(encode(new Float32Array(words.buffer)))
    expect([...values].every(Number.isNaN)).toBe(true)
  })

  it('keeps the order of any two numbers', () => {
    const number = fc.float({ noNaN: true })
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = decode(encode(Float32Array.of(Math.min(a, b), Math.max(a, b))))
        expect(x! <= y!).toBe(true)
      }),
    )
  })
})

describe('F16', () => {
  it.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x03ff, 1023 * 2 ** -24],
    [0x0001, 2 ** -24],
    [0x8000, -0],
  ])('decodes %i as %d', (bits, value) => {
    expect(float16ToFloat32(Uint16Array.of(bits))[0]).toBe(value)
  })

  it.each([
    [65519.99609375, 65504],
    [65520, Infinity],
    [-65520, -Infinity],
    [2 ** -25, 0],
    [-(2 ** -150), -0],
    [fromBits(1), 0],
  ])('rounds %d to %d', (value, rounded) => {
    expect(float16ToFloat32(float32ToFloat16(Float32Array.of(value)))[0]).toBe(rounded)
  })
})

describe('BF16', () => {
  it.each([
    [0x3f80, 1],
    [0x3eab, 0.333984375],
    [0xff7f, -3.3895313892515355e38],
    [0x0001, 2 ** -133],
  ])('decodes %i as %d', (bits, value) => {
    expect(bfloat16ToFloat32(Uint16Array.of(bits))[0]).toBe(value)
  })

  it('rounds the largest float32 to infinity', () => {
    expect(float32ToBfloat16(Float32Array.of(fromBits(0x7f7fffff)))[0]).toBe(0x7f80)
  })
})

describe('bytes', () => {
  it('reads I64 and U8', () => {
    const words = BigInt64Array.of(-3n, 2n ** 40n)
    expect(toFloat32('I64', new Uint8Array(words.buffer))).toEqual(Float32Array.of(-3, 2 ** 40))
    expect(toFloat32('U8', Uint8Array.of(0, 255))).toEqual(Float32Array.of(0, 255))
  })

  it.each(['F32', 'F16', 'BF16'] as const)('reads what it wrote as %s, from any alignment', (dtype) => {
    const values = Float32Array.of(0, -0.5, 1, 1.5, -384)
    const bytes = fromFloat32(dtype, values)
    expect(bytes.length).toBe(values.length * (dtype === 'F32' ? 4 : 2))
    for (const shift of [0, 1, 2, 3]) {
      const shifted = new Uint8Array(bytes.length + shift)
      shifted.set(bytes, shift)
      expect(toFloat32(dtype, shifted.subarray(shift))).toEqual(values)
    }
  })

  it('writes the values of a view alone', () => {
    const view = Float32Array.of(7, 1, 2, 7).subarray(1, 3)
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      expect(toFloat32(dtype, fromFloat32(dtype, view))).toEqual(Float32Array.of(1, 2))
    }
  })
})
