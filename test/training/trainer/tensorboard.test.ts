import { describe, expect, it } from 'vitest'
import { crc32c, encodeEvent } from '../../../src/training/trainer/tensorboard.js'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))

/** A reader of its own: tag, wire type and content of every field of a message. */
function fields(message: Uint8Array): [number, number | bigint | Uint8Array][] {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  let at = 0
  const varint = () => {
    let [value, shift] = [0n, 0n]
    for (;;) {
      const byte = message[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
      shift += 7n
    }
  }
  const found: [number, number | bigint | Uint8Array][] = []
  while (at < message.length) {
    const key = Number(varint())
    const [tag, wire] = [key >> 3, key & 7]
    if (wire === 0) found.push([tag, varint()])
    else if (wire === 1) found.push([tag, view.getFloat64((at += 8) - 8, true)])
    else if (wire === 5) found.push([tag, view.getFloat32((at += 4) - 4, true)])
    else {
      const length = Number(varint())
      found.push([tag, message.subarray(at, (at += length))])
    }
  }
  return found
}

const text = (value: unknown) => new TextDecoder().decode(value as Uint8Array)
const inside = (value: unknown) => fields(value as Uint8Array)

/** The messages of a file of TFRecords, CRCs checked bit by bit against the polynomial's definition. */
function records(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const messages: Uint8Array[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true))
    expect(view.getUint32(at + 8, true)).toBe(masked(file.subarray(at, at + 8)))
    const message = file.subarray(at + 12, at + 12 + length)
    expect(view.getUint32(at + 12 + length, true)).toBe(masked(message))
    messages.push(message)
    at += 16 + length
  }
  return messages
}

function masked(data: Uint8Array): number {
  let crc = 0xffffffffn
  for (const byte of data)
    for (let bit = 0n; bit < 8n; bit++) {
      const low = (crc ^ (BigInt(byte) >> bit)) & 1n
      crc = (crc >> 1n) ^ (low * 0x82f63b78n)
    }
  crc ^= 0xffffffffn
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn)
}

describe('CRC-32C', () => {
  // RFC 3720, B.4, and the check value of the polynomial.
  it.each([
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['32 rising bytes', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('of %s is as published', (_, data, expected) => expect(crc32c(data)).toBe(expected))
})

describe("TensorBoard's events", () => {
  it('begin with the version record that TensorFlow writes, byte by byte but for the time', () => {
    const record = encodeEvent({ kind: 'version', time: 0, step: 0 })
    // length 26; wall_time 0.0; step 0 written out; file_version "brain.Event:2"
    expect(record.subarray(0, 8)).toEqual(bytes('1a00000000000000'))
    expect(record.subarray(12, -4)).toEqual(bytes('09 0000000000000000 10 00 1a 0d 627261696e2e4576656e743a32'))
    expect(records(record)).toHaveLength(1)
  })

  it('hold scalars, pictures and starts that another reader finds again', () => {
    const png = Uint8Array.of(1, 2, 3)
    const file = Buffer.concat([
      encodeEvent({ kind: 'start', time: 12.5, step: 300 }),
      encodeEvent({ kind: 'scalars', time: 13, step: 301, values: { loss: 0.25, 'D(real)': -1 } }),
      encodeEvent({ kind: 'image', time: 14, step: 301, tag: 'samples', image: { png, width: 640, height: 480 } }),
    ])
    const [start, scalars, image] = records(file).map(fields)
    expect(start!.slice(0, 2)).toEqual([
      [1, 12.5],
      [2, 301n],
    ])
    expect(inside(start![2]![1])).toEqual([[1, 1n]])
    const values = inside(scalars![2]![1]).map(([tag, value]) => {
      const [[, name], [, number]] = inside(value) as [[number, Uint8Array], [number, number]]
      return [tag, text(name), number]
    })
    expect(values).toEqual([
      [1, 'loss', 0.25],
      [1, 'D(real)', -1],
    ])
    const [, [, picture]] = inside(inside(image![2]![1])[0]![1]) as [unknown, [number, Uint8Array]]
    expect(inside(picture)).toEqual([
      [1, 480n],
      [2, 640n],
      [3, 3n],
      [4, Buffer.from(png)],
    ])
  })
})
