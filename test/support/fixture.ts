import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** One tensor of a fixture, row-major. */
export interface FixtureTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array | Uint8Array
}

const fixtures = new URL('../fixtures/', import.meta.url)

/** The path of a file under test/fixtures. */
export function fixturePath(path: string): string {
  return fileURLToPath(new URL(path, fixtures))
}

/** The bytes of a file under test/fixtures, unpacked if its name ends in `.gz`. */
export function readBytes(path: string): Buffer {
  const file = readFileSync(fixturePath(path))
  return path.endsWith('.gz') ? gunzipSync(file) : file
}

/** A JSON file under test/fixtures, packed or not; the test that reads it knows its shape. */
export function readJson<T>(path: string): T {
  return JSON.parse(readBytes(path).toString('utf8')) as T
}

/**
 * Reads the F32 and U8 tensors of a safetensors file under test/fixtures, unpacked first if its name ends in `.gz`. It
 * shares no code with the product's reader, so that each checks the other.
 */
export function readFixture(path: string): Map<string, FixtureTensor> {
  const bytes = readBytes(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const tensors = new Map<string, FixtureTensor>()
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = entry.data_offsets
    const data = new Uint8Array(bytes.subarray(start + from, start + to))
    if (entry.dtype !== 'F32' && entry.dtype !== 'U8') throw new Error(`${path}: ${name} is ${entry.dtype}`)
    tensors.set(name, { shape: entry.shape, data: entry.dtype === 'U8' ? data : new Float32Array(data.buffer) })
  }
  return tensors
}

/** The tensor of that name; the error of a missing one lists those there are. */
export function tensorOf(tensors: Map<string, FixtureTensor>, name: string): FixtureTensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`no tensor ${name} in [${[...tensors.keys()].join(', ')}]`)
  return tensor
}

/** max |actual - expected| / max |expected|; NaN and unequal lengths are infinitely wrong. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity
  let difference = 0
  let largest = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(actual[i]! - expected[i]!)
    if (Number.isNaN(distance)) return Infinity
    difference = Math.max(difference, distance)
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return difference === 0 ? 0 : difference / largest
}
