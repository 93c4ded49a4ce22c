import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/errors.js'
import { encodeSafetensors, parseSafetensorsHeader, type TensorSpec } from '../../src/weights/safetensors.js'
import { readBytes, readFixture } from '../support/fixture.js'
import { checkParse, fileOf, mutatedFile } from './headers.js'

const parse = (file: Uint8Array) => parseSafetensorsHeader(file, file.length, 'x.safetensors')

/** A header with one entry per argument, given as text. */
const header = (...entries: string[]): string => `{${entries.join(',')}}`
const entry = (name: string, dtype: string, shape: string, offsets: string): string =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`

const four = new Uint8Array(4)
const eight = new Uint8Array(8)

describe('reading', () => {
  it.each(['unet/diffusion_pytorch_model.safetensors', 'image_encoder/model.safetensors', 'case.safetensors.gz'])(
    'agrees about pipeline-tiny/%s',
    (name) => {
      const path = `pipeline-tiny/${name}`
      const bytes = readBytes(path)
      const { tensors } = parse(bytes)
      const expected = readFixture(path)
      expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [key, { shape, data }] of expected) {
        const tensor = tensors.get(key)!
        expect(tensor.shape).toEqual(shape)
        const raw = bytes.subarray(tensor.offset, tensor.offset + tensor.byteLength)
        expect(raw.equals(Buffer.from(data.buffer))).toBe(true)
      }
    },
  )

  it('needs the bytes of the header alone', () => {
    const file = fileOf(header(entry('a', 'F32', '[1]', '[0,4]')), four)
    expect(parseSafetensorsHeader(file.subarray(0, -4), file.length, 'x').tensors.get('a')).toEqual({
      name: 'a',
      dtype: 'F32',
      shape: [1],
      offset: file.length - 4,
      byteLength: 4,
    })
  })

  it('orders tensors by their bytes and allows empty ones and none', () => {
    const entries = [entry('b', 'F16', '[2]', '[0,4]'), entry('c', 'U8', '[3,0]', '[0,0]')]
    expect([...parse(fileOf(header(...entries), four)).tensors.keys()]).toEqual(['c', 'b'])
    expect(parse(fileOf('{}')).tensors.size).toBe(0)
  })

  it('reads metadata, and names that JavaScript objects have by themselves', () => {
    const file = fileOf(header('"__metadata__":{"format":"pt"}', entry('__proto__', 'U8', '[4]', '[0,4]')), four)
    expect(parse(file).metadata).toEqual({ format: 'pt' })
    expect([...parse(file).tensors.keys()]).toEqual(['__proto__'])
  })
})

describe('malformed files', () => {
  const a = entry('a', 'F32', '[1]', '[0,4]')
  const b = (offsets: string): string => entry('b', 'F32', '[1]', offsets)
  const cases: readonly [what: string, file: Uint8Array, message: RegExp][] = [
    ['empty', new Uint8Array(), /only 0 bytes/],
    ['shorter than the length', new Uint8Array(7), /only 7 bytes/],
    ['a header of 2^63 bytes', fileOf('{}', four, 2n ** 63n), /header would be 9223372036854775808 bytes/],
    ['a header over 100 MB', fileOf('{}', four, 100_000_001n), /more than 100 MB/],
    ['a header longer than the file', fileOf('{}', four, 7n), /header of 7 bytes is cut off/],
    ['no header', fileOf('', four), /does not begin with "\{"/],
    ['another start', fileOf(' {}'), /does not begin with "\{"/],
    ['a byte order mark', fileOf('\ufeff{}'), /does not begin with "\{"/],
    ['not UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /is not UTF-8/],
    ['not JSON', fileOf('{"a":}'), /is not valid JSON/],
    ['JSON cut short', fileOf(header(a).slice(0, -1), four), /is not valid JSON/],
    ['two values', fileOf('{}{}'), /is not valid JSON/],
    ['a name twice', fileOf(header(a, b('[4,8]'), a), eight), /has the key "a" twice/],
    ['a name twice, once escaped', fileOf(header(a, a.replace('"a"', '"\\u0061"')), four), /has the key "a" twice/],
    ['a field twice', fileOf(header(a.replace('{', '{"dtype":"F32",')), four), /has the key "dtype" twice/],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /has the key "__metadata__" twice/],
    ['metadata of another type', fileOf('{"__metadata__":"pt"}'), /__metadata__ is not an object/],
    ['metadata that is no string', fileOf('{"__metadata__":{"n":1}}'), /__metadata__ field "n" is not a string/],
    ['an entry that is no object', fileOf('{"a":[1]}'), /"a" is not described by an object/],
    ['no dtype', fileOf('{"a":{}}'), /"a" has no dtype/],
    ['an unknown dtype', fileOf(header(entry('a', 'Q8', '[1]', '[0,4]')), four), /unknown dtype "Q8"/],
    ['an inherited dtype', fileOf(header(entry('a', 'toString', '[1]', '[0,4]'))), /unknown dtype "toString"/],
    ['a dtype not supported', fileOf(header(entry('a', 'F64', '[1]', '[0,8]')), eight), /is F64, .* convert it to one/],
    ['no shape', fileOf('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), /shape of tensor "a" is not a list/],
    ['a shape with a fraction', fileOf(header(entry('a', 'F32', '[0.5]', '[0,2]')), four), /shape of tensor "a"/],
    ['a negative shape', fileOf(header(entry('a', 'F32', '[-1]', '[0,4]')), four), /shape of tensor "a"/],
    ['a shape beyond 2^53', fileOf(header(entry('a', 'F32', '[9007199254740993]', '[0,4]'))), /shape of tensor "a"/],
    ['an overflowing shape', fileOf(header(entry('a', 'F32', `[${'4294967296,'.repeat(9)}0]`, '[0,0]'))), /impossibly/],
    ['no offsets', fileOf('{"a":{"dtype":"U8","shape":[0]}}'), /data_offsets of tensor "a"/],
    ['one offset', fileOf(header(entry('a', 'U8', '[0]', '[0]'))), /data_offsets of tensor "a"/],
    ['a negative offset', fileOf(header(entry('a', 'F32', '[1]', '[-4,0]')), four), /data_offsets of tensor "a"/],
    [
      'reversed offsets',
      fileOf(header(entry('a', 'F32', '[1]', '[4,0]')), four),
      /ends at byte 0, before it begins at 4/,
    ],
    ['too few bytes', fileOf(header(entry('a', 'F32', '[2]', '[0,4]')), four), /has 4 bytes .* \[2\] needs 8 bytes/],
    ['too many bytes', fileOf(header(entry('a', 'F16', '[1]', '[0,4]')), four), /has 4 bytes .* \[1\] needs 2 bytes/],
    ['data cut short', fileOf(header(a, b('[4,8]')), eight.subarray(1)), /"b" ends at byte \d+, but the file has only/],
    ['an overlap', fileOf(header(a, b('[2,6]')), eight), /"b" overlaps tensor "a"/],
    ['the same bytes twice', fileOf(header(a, b('[0,4]')), four), /"b" overlaps tensor "a"/],
    ['a hole', fileOf(header(b('[4,8]')), eight), /4 unused bytes lie between the header and tensor "b"/],
    ['bytes at the end', fileOf(header(a), eight), /4 bytes follow after tensor "a"/],
  ]

  it.each(cases)('refuses %s', (_, file, message) => {
    expect(() => parse(file)).toThrow(UserError)
    expect(() => parse(file)).toThrow(message)
    expect(() => parse(file)).toThrow('x.safetensors')
  })

  it('shortens long names in errors', () => {
    expect(() => parse(fileOf(header(entry('n'.repeat(5000), 'Q8', '[]', '[]'))))).toThrow(/^.{150,300}$/)
  })

  it('refuses or reads whatever a valid file was changed into', () => {
    let accepted = 0
    const property = fc.property(mutatedFile, (file) => void (accepted += Number(checkParse(file))))
    fc.assert(property, { numRuns: 3000, seed: 1 })
    expect(accepted).toBeGreaterThan(100)
    expect(accepted).toBeLessThan(2900)
  })
})

describe('writing', () => {
  const specs = fc.uniqueArray(
    fc.record({
      name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom<TensorSpec['dtype']>('F32', 'F16', 'BF16', 'I64', 'U8'),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
    }),
    { selector: ({ name }) => name, maxLength: 8 },
  )
  const widths = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 }
  const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true })

  it('writes what it reads', () => {
    fc.assert(
      fc.property(specs, metadata, (specs, metadata) => {
        const tensors = specs.map((spec, i) => {
          const size = spec.shape.reduce((product, axis) => product * axis, widths[spec.dtype])
          return { ...spec, bytes: new Uint8Array(size).fill(i + 1) }
        })
        const file = encodeSafetensors(tensors, metadata)
        const read = parse(file)
        expect(read.metadata).toEqual(metadata)
        expect(read.tensors.size).toBe(tensors.length)
        for (const { name, dtype, shape, bytes } of tensors) {
          const tensor = read.tensors.get(name)!
          expect(tensor).toMatchObject({ dtype, shape })
          expect(file.subarray(tensor.offset, tensor.offset + tensor.byteLength)).toEqual(bytes)
        }
      }),
    )
  })

  it('sorts by dtype, then name, and pads the header to 8 bytes', () => {
    const tensor = (name: string, dtype: TensorSpec['dtype']) => ({ name, dtype, shape: [0], bytes: new Uint8Array() })
    const file = encodeSafetensors([
      tensor('c', 'U8'),
      tensor('b', 'F16'),
      tensor('a', 'BF16'),
      tensor('z', 'F32'),
      tensor('y', 'F32'),
      tensor('x', 'I64'),
    ])
    const text = new TextDecoder().decode(file.subarray(8))
    expect(text.length % 8).toBe(0)
    expect(text.trimEnd().endsWith('}')).toBe(true)
    expect(Object.keys(JSON.parse(text) as object)).toEqual(['x', 'y', 'z', 'a', 'b', 'c'])
  })

  it('asserts byte counts and names', () => {
    const tensor = { name: 'a', dtype: 'F32', shape: [1], bytes: four } as const
    expect(() => encodeSafetensors([{ ...tensor, bytes: eight }])).toThrow('"a" has 8 bytes instead of 4')
    expect(() => encodeSafetensors([tensor, tensor])).toThrow('two entries named "a"')
    expect(() => encodeSafetensors([{ ...tensor, name: '__metadata__' }])).toThrow('two entries named "__metadata__"')
  })
})
