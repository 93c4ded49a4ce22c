import { message, type MessageWriter } from '../../runtime/protobuf.js'

/** A picture for TensorBoard: an encoded PNG and its size. */
export interface EventImage {
  readonly png: Uint8Array
  readonly width: number
  readonly height: number
}

/** What one record of an event file says; `time` in seconds since 1970. */
export type EventRecord = { readonly time: number; readonly step: number } & (
  | { readonly kind: 'version' }
  /** A process goes on after `step`: what earlier files have beyond it does not count. */
  | { readonly kind: 'start' }
  | { readonly kind: 'scalars'; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: 'image'; readonly tag: string; readonly image: EventImage }
)

/** SessionLog.START of tensorflow's event.proto. */
const SESSION_START = 1
const RGB = 3

/** An event as a TFRecord: length, masked CRC of it, tensorflow.Event, masked CRC of that. */
export function encodeEvent(event: EventRecord): Uint8Array {
  const data = eventMessage(event)
  const record = new Uint8Array(16 + data.length)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return record
}

/** TFRecord's CRC: rotated and shifted, as a CRC over data with CRCs in it is a weak one. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** tensorflow.Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7. */
function eventMessage(event: EventRecord): Uint8Array {
  return message((w) => {
    w.double(1, event.time)
    // Of a start, the steps from this one on are void.
    w.integer(2, event.kind === 'start' ? event.step + 1 : event.step)
    if (event.kind === 'version') w.string(3, 'brain.Event:2')
    else if (event.kind === 'start') w.message(7, (log) => log.integer(1, SESSION_START))
    else
      w.message(5, (summary) => {
        if (event.kind === 'image') summary.message(1, (value) => writeImage(value, event.tag, event.image))
        else
          for (const [tag, number] of Object.entries(event.values))
            summary.message(1, (value) => {
              value.string(1, tag)
              value.float(2, number)
            })
      })
  })
}

/** tensorflow.Summary.Value: tag 1, image 4 (height 1, width 2, colorspace 3, encoded_image_string 4). */
function writeImage(value: MessageWriter, tag: string, { png, width, height }: EventImage): void {
  value.string(1, tag)
  value.message(4, (image) => {
    image.integer(1, height)
    image.integer(2, width)
    image.integer(3, RGB)
    image.bytes(4, png)
  })
}

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
