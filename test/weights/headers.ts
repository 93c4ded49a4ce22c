import fc from 'fast-check'
import { UserError } from '../../src/errors.js'
import { encodeSafetensors, parseSafetensorsHeader, type SafetensorsHeader } from '../../src/weights/safetensors.js'

/** A safetensors file of a given header text, true to the format or not. */
export function fileOf(header: string | Uint8Array, data: Uint8Array = new Uint8Array(), length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + text.length + data.length)
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  file.set(text, 8)
  file.set(data, 8 + text.length)
  return file
}

/** A valid file that has every field and dtype, an empty tensor and a scalar. */
const sample = encodeSafetensors(
  [
    { name: 'a.weight', dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(24) },
    { name: 'a.bias', dtype: 'F16', shape: [3], bytes: new Uint8Array(6) },
    { name: 'b "quoted" \u00e9', dtype: 'BF16', shape: [1, 1, 2], bytes: new Uint8Array(4) },
    { name: 'empty', dtype: 'F32', shape: [0, 7], bytes: new Uint8Array(0) },
    { name: 'steps', dtype: 'I64', shape: [], bytes: new Uint8Array(8) },
    { name: 'pixels', dtype: 'U8', shape: [5], bytes: new Uint8Array(5) },
  ],
  { format: 'pt', note: 'x' },
)
const sampleHeaderEnd = 8 + Number(new DataView(sample.buffer).getBigUint64(0, true))

const token = fc.constantFrom(
  ...['"', '{', '}', '[', ']', ',', ':', '\\', '\\u0000', ' ', '\ufeff', '\u0000', 'null', 'true', '""', '{}', '[]'],
  ...['0', '-1', '-0', '1.5', '1e3', '1e999', '4294967296', '9007199254740991', '9007199254740993', '1'.repeat(400)],
  ...['"F64"', '"F4"', '"Q8"', '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"', '"__proto__"', '"a.bias"'],
  ...['"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},', '"toString":', '[0,0]', '['.repeat(2000)],
)

/**
 * One change of some bytes: what lies from `at` (a fraction of the length), `removed` bytes long, becomes `inserted`.
 */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(40)),
  inserted: fc.oneof(
    token.map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 4 }),
  ),
})

const claimedLength = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 400n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
)

/** Files made from a valid one by changing its header, its header's length and its end. */
export const mutatedFile: fc.Arbitrary<Uint8Array> = fc
  .record({
    edits: fc.array(edit, { maxLength: 4 }),
    claimedLength,
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(sample.length) }),
  })
  .map(({ edits, claimedLength, cut }) => {
    const header = edits.reduce<Uint8Array>(
      (bytes, { at, removed, inserted }) => {
        const start = Math.floor(at * bytes.length)
        return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + removed)])
      },
      sample.subarray(8, sampleHeaderEnd),
    )
    const file = fileOf(header, sample.subarray(sampleHeaderEnd), claimedLength)
    return file.subarray(0, file.length - Math.min(cut, file.length))
  })

/**
 * Parses a file and throws where the parser did something else than refuse it with a one-line UserError, or accept it
 * with tensors that cover its data exactly once.
 *
 * @returns whether the file was accepted.
 */
export function checkParse(file: Uint8Array): boolean {
  const header = parseOrRefuse(file)
  if (!header) return false
  let end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  for (const { name, offset, byteLength, shape, dtype } of header.tensors.values()) {
    const width = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 }[dtype]
    const fits = shape.reduce((product, size) => product * size, width) === byteLength
    if (offset !== end || !fits) throw new Error(`accepted ${name} at ${offset}, after ${end}`)
    end += byteLength
  }
  if (end !== file.length) throw new Error(`accepted ${file.length - end} bytes that no tensor has`)
  return true
}

function parseOrRefuse(file: Uint8Array): SafetensorsHeader | undefined {
  try {
    return parseSafetensorsHeader(file, file.length, 'x.safetensors')
  } catch (error) {
    const clear = error instanceof UserError && /^(?=.*x\.safetensors).{1,600}$/.test(error.message)
    if (clear) return undefined
    throw error
  }
}
