import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { crc32c } from './crc32c.js'

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
  const writer = new BinaryWriter()
  writer.tag(1, WireType.Bit64).double(event.time)
  // Of a start, the steps from this one on are void.
  writer.tag(2, WireType.Varint).int64(event.kind === 'start' ? event.step + 1 : event.step)
  switch (event.kind) {
    case 'version':
      writer.tag(3, WireType.LengthDelimited).string('brain.Event:2')
      break
    case 'start':
      writer.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(SESSION_START).join()
      break
    case 'scalars':
      writer.tag(5, WireType.LengthDelimited).fork()
      for (const [tag, value] of Object.entries(event.values)) summaryValue(writer, tag, value)
      writer.join()
      break
    case 'image':
      writer.tag(5, WireType.LengthDelimited).fork()
      summaryValue(writer, event.tag, event.image)
      writer.join()
      break
  }
  return writer.finish()
}

/** tensorflow.Summary.Value: tag 1, simple_value 2, image 4 (height 1, width 2, colorspace 3, encoded_image_string 4). */
function summaryValue(writer: BinaryWriter, tag: string, value: number | EventImage): void {
  writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(tag)
  if (typeof value === 'number') writer.tag(2, WireType.Bit32).float(value)
  else {
    writer.tag(4, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.Varint).int32(value.height).tag(2, WireType.Varint).int32(value.width)
    writer.tag(3, WireType.Varint).int32(RGB).tag(4, WireType.LengthDelimited).bytes(value.png).join()
  }
  writer.join()
}
