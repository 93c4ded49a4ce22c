const text = new TextEncoder()
/** Wire types of protocol buffers. */
const VARINT = 0
const DELIMITED = 2
const FIXED64 = 1
const FIXED32 = 5
/** Bytes of a length that is filled in when the message is written: a varint may have more bytes than it needs. */
const LENGTH = 5

/** The fields of a message of protocol buffers, appended to a buffer that grows. */
export class MessageWriter {
  #bytes = new Uint8Array(4096)
  #end = 0

  integer(field: number, value: number): void {
    this.#varint(field * 8 + VARINT)
    // Negative numbers take ten bytes, as 64-bit two's complement.
    if (value >= 0) this.#varint(value)
    else
      for (let rest = BigInt.asUintN(64, BigInt(value)), i = 0; i < 10; i++, rest >>= 7n)
        this.#byte(Number(rest & 127n) | (i < 9 ? 128 : 0))
  }

  /** A fixed64 field in IEEE 754 double precision. */
  double(field: number, value: number): void {
    this.#varint(field * 8 + FIXED64)
    this.#append(new Uint8Array(Float64Array.of(value).buffer))
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + FIXED32)
    this.#append(new Uint8Array(Float32Array.of(value).buffer))
  }

  string(field: number, value: string): void {
    this.bytes(field, text.encode(value))
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + DELIMITED)
    this.#varint(value.length)
    this.#append(value)
  }

  message(field: number, write: (w: MessageWriter) => void): void {
    this.#varint(field * 8 + DELIMITED)
    const at = this.#end
    this.#append(new Uint8Array(LENGTH))
    write(this)
    let rest = this.#end - at - LENGTH
    for (let i = 0; i < LENGTH; i++, rest = Math.floor(rest / 128))
      this.#bytes[at + i] = (rest % 128) | (i < LENGTH - 1 ? 128 : 0)
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#end)
  }

  #varint(value: number): void {
    while (value > 127) {
      this.#byte((value % 128) | 128)
      value = Math.floor(value / 128)
    }
    this.#byte(value)
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#end++] = value
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#end + more))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** A message in the wire format of protocol buffers. */
export function message(write: (w: MessageWriter) => void): Uint8Array<ArrayBuffer> {
  const w = new MessageWriter()
  write(w)
  return w.finish()
}
