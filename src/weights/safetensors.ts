import { UserError } from '../errors.js'
import type { StoredDType } from './convert.js'
import { isJsonObject, parseJsonObject, quote, type JsonObject, type JsonValue } from './json.js'

/** Where one tensor lies in a safetensors file: row-major, little-endian, `offset` bytes from the start of the file. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  readonly offset: number
  readonly byteLength: number
}

/** What the header of a safetensors file says; tensors in the order of their bytes. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
}

/** Bytes per element of the types that sfv reads. */
const BYTES: Readonly<Record<StoredDType, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1 }

/** Legal in safetensors, but not in any checkpoint that sfv has a use for. */
const OTHER_DTYPES = ['BOOL', 'F4', 'F6_E2M3', 'F6_E3M2', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'I8'].concat([
  'I16',
  'U16',
  'I32',
  'U32',
  'F64',
  'C64',
  'U64',
])

/** The header's longest length, that of the reference library. */
const LONGEST_HEADER = 100_000_000

/** Bytes before the header: its length, an unsigned 64-bit integer. */
const LENGTH_BYTES = 8

/**
 * How many bytes at the start of a file `parseSafetensorsHeader` needs. `start` holds the first 8 bytes of the file, or
 * the whole file where it is shorter.
 *
 * @throws UserError when the file is too short or the header's length cannot be true.
 */
export function safetensorsPrefixLength(start: Uint8Array, fileSize: number, file: string): number {
  if (fileSize < LENGTH_BYTES + 2) throw invalid(file, `it has only ${fileSize} bytes`)
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const length = view.getBigUint64(0, true)
  if (length > LONGEST_HEADER) throw invalid(file, `its header would be ${length} bytes long, more than 100 MB`)
  if (length > fileSize - LENGTH_BYTES) {
    throw invalid(file, `its header of ${length} bytes is cut off, as the file has ${fileSize} bytes`)
  }
  return LENGTH_BYTES + Number(length)
}

/**
 * Parses and checks the header of a safetensors file. `prefix` holds at least the first `safetensorsPrefixLength` bytes
 * of the file of `fileSize` bytes; `file` names it in errors. Every tensor's bytes lie within the file, their count
 * fits type and shape, and together they cover all bytes after the header exactly once, as the reference library
 * demands.
 *
 * @throws UserError naming the file, the tensor and what is wrong.
 */
export function parseSafetensorsHeader(prefix: Uint8Array, fileSize: number, file: string): SafetensorsHeader {
  const dataStart = safetensorsPrefixLength(prefix, fileSize, file)
  const bytes = prefix.subarray(LENGTH_BYTES, dataStart)
  if (bytes[0] !== '{'.charCodeAt(0)) throw invalid(file, 'its header does not begin with "{"')
  const header = parseJsonObject(bytes, `the header of ${file}`)

  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => parseTensor(name, entry, dataStart, file))
    .sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
  checkCoverage(tensors, dataStart, fileSize, file)
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: parseMetadata(Object.hasOwn(header, '__metadata__') ? header['__metadata__']! : {}, file),
  }
}

function parseTensor(name: string, entry: JsonValue, dataStart: number, file: string): TensorInfo {
  const tensor = `tensor ${quote(name)}`
  if (!isJsonObject(entry)) throw invalid(file, `${tensor} is not described by an object`)
  const field = (key: string): JsonValue | undefined => (Object.hasOwn(entry, key) ? entry[key] : undefined)

  const dtype = parseDType(field('dtype'), tensor, file)
  const shape = field('shape')
  if (!isSizes(shape)) throw invalid(file, `the shape of ${tensor} is not a list of whole numbers from 0`)
  const range = field('data_offsets')
  if (!isSizes(range) || range.length !== 2) {
    throw invalid(file, `the data_offsets of ${tensor} are not two whole numbers from 0`)
  }
  const [begin, end] = range as readonly [number, number]
  if (end < begin) throw invalid(file, `${tensor} ends at byte ${end}, before it begins at ${begin}`)

  const expected = byteCount(dtype, shape)
  if (expected > Number.MAX_SAFE_INTEGER) throw invalid(file, `the shape of ${tensor} is impossibly large`)
  if (expected !== end - begin) {
    const needs = `${dtype} of shape ${describeShape(shape)} needs ${expected} bytes`
    throw invalid(file, `${tensor} has ${end - begin} bytes where ${needs}`)
  }
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin }
}

function parseDType(value: JsonValue | undefined, tensor: string, file: string): StoredDType {
  if (typeof value !== 'string') throw invalid(file, `${tensor} has no dtype`)
  if (Object.hasOwn(BYTES, value)) return value as StoredDType
  const supported = Object.keys(BYTES).join(', ')
  if (!OTHER_DTYPES.includes(value)) throw invalid(file, `${tensor} has the unknown dtype ${quote(value)}`)
  throw new UserError(`${file}: ${tensor} is ${value}, which sfv does not read; convert it to one of ${supported}`)
}

function parseMetadata(metadata: JsonValue, file: string): Readonly<Record<string, string>> {
  if (!isJsonObject(metadata)) throw invalid(file, 'its __metadata__ is not an object')
  const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string')
  if (wrong) throw invalid(file, `its __metadata__ field ${quote(wrong[0])} is not a string`)
  return metadata as Readonly<Record<string, string>>
}

/** `tensors` are sorted by their offsets. */
function checkCoverage(tensors: readonly TensorInfo[], dataStart: number, fileSize: number, file: string): void {
  let end = dataStart
  let last = 'the header'
  for (const { name, offset, byteLength } of tensors) {
    const tensor = `tensor ${quote(name)}`
    if (offset + byteLength > fileSize) {
      throw invalid(file, `${tensor} ends at byte ${offset + byteLength}, but the file has only ${fileSize} bytes`)
    }
    if (offset < end) throw invalid(file, `${tensor} overlaps ${last}`)
    if (offset > end) throw invalid(file, `${offset - end} unused bytes lie between ${last} and ${tensor}`)
    end = offset + byteLength
    last = tensor
  }
  if (end < fileSize) throw invalid(file, `${fileSize - end} bytes follow after ${last}`)
}

/** Bytes of a tensor; something above MAX_SAFE_INTEGER where they cannot be counted exactly. */
function byteCount(dtype: StoredDType, shape: readonly number[]): number {
  const elements = shape.reduce((count, size) => (count > Number.MAX_SAFE_INTEGER ? Infinity : count * size), 1)
  return elements * BYTES[dtype]
}

function isSizes(value: JsonValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0)
}

function describeShape(shape: readonly number[]): string {
  return shape.length > 8 ? `[${shape.slice(0, 8).join(', ')}, …]` : `[${shape.join(', ')}]`
}

function invalid(file: string, problem: string): UserError {
  return new UserError(`${file} is not a valid safetensors file: ${problem}; download or export it again`)
}

/** Name, type and shape of a tensor to be written. */
export interface TensorSpec {
  readonly name: string
  readonly dtype: StoredDType
  readonly shape: readonly number[]
}

/**
 * Types in the order of their bytes in a file: those with the widest elements first, as the reference library sorts.
 */
const WRITING_ORDER: readonly StoredDType[] = ['I64', 'F32', 'BF16', 'F16', 'U8']

/**
 * Lays out a safetensors file like the reference library: by dtype, then name, the header filled up with spaces to a
 * multiple of 8 bytes.
 *
 * @returns the bytes before the data, and the tensors in the order in which their bytes must follow.
 * @throws Error when a name occurs twice or is `__metadata__`.
 */
export function layOutSafetensors<T extends TensorSpec>(
  tensors: Iterable<T>,
  metadata: Readonly<Record<string, string>> = {},
): { readonly prefix: Uint8Array; readonly order: readonly T[] } {
  const rank = (tensor: T): number => WRITING_ORDER.indexOf(tensor.dtype)
  const order = [...tensors].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
  const names = new Set(['__metadata__'])
  const entries: [string, JsonObject][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : []
  let end = 0
  for (const { name, dtype, shape } of order) {
    if (names.has(name)) throw new Error(`a safetensors file cannot have two entries named ${quote(name)}`)
    names.add(name)
    const begin = end
    end += byteCount(dtype, shape)
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }])
  }
  const json = entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')
  const text = new TextEncoder().encode(`{${json}}`)
  const prefix = new Uint8Array(LENGTH_BYTES + Math.ceil(text.length / 8) * 8).fill(' '.charCodeAt(0))
  new DataView(prefix.buffer).setBigUint64(0, BigInt(prefix.length - LENGTH_BYTES), true)
  prefix.set(text, LENGTH_BYTES)
  return { prefix, order }
}

/**
 * A whole safetensors file. `bytes` are little-endian and row-major.
 *
 * @throws Error when a tensor's byte count does not fit its shape, or a name occurs twice.
 */
export function encodeSafetensors(
  tensors: Iterable<TensorSpec & { readonly bytes: Uint8Array }>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const { prefix, order } = layOutSafetensors(tensors, metadata)
  const file = new Uint8Array(order.reduce((total, tensor) => total + tensor.bytes.length, prefix.length))
  file.set(prefix)
  let end = prefix.length
  for (const { name, dtype, shape, bytes } of order) {
    const expected = byteCount(dtype, shape)
    if (bytes.length !== expected) throw new Error(`${quote(name)} has ${bytes.length} bytes instead of ${expected}`)
    file.set(bytes, end)
    end += bytes.length
  }
  return file
}
