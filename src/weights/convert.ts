/** Element types of a checkpoint that sfv reads, by their names in safetensors. */
export type StoredDType = 'F32' | 'F16' | 'BF16' | 'I64' | 'U8'

/** The types in which weights are written. */
export type FloatDType = 'F32' | 'F16' | 'BF16'

/**
 * Values of little-endian bytes as float32. F16, BF16 and U8 convert exactly, I64 to the nearest float32. The result of
 * F32 shares memory with `bytes` where their alignment allows it.
 */
export function toFloat32(dtype: StoredDType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case 'F32':
      return elements(Float32Array, bytes)
    case 'F16':
      return float16ToFloat32(elements(Uint16Array, bytes))
    case 'BF16':
      return bfloat16ToFloat32(elements(Uint16Array, bytes))
    case 'I64':
      return Float32Array.from(elements(BigInt64Array, bytes), Number)
    case 'U8':
      return Float32Array.from(bytes)
  }
}

/**
 * Values as the little-endian bytes of a float type, rounded to nearest, ties to even; beyond the largest value comes
 * infinity. The result of F32 shares memory with `values`.
 */
export function fromFloat32(dtype: FloatDType, values: Float32Array): Uint8Array {
  const converted = dtype === 'F32' ? values : dtype === 'F16' ? float32ToFloat16(values) : float32ToBfloat16(values)
  return new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength)
}

/** Float32 values of IEEE 754 half-precision bit patterns; exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const table = (float16Values ??= tabulateFloat16())
  const values = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!
  return values
}

/** IEEE 754 half-precision bit patterns of float32 values, rounded to nearest, ties to even; any NaN becomes quiet. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const result = new Uint16Array(words.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    result[i] = ((word >>> 16) & 0x8000) | magnitudeToFloat16(word & 0x7fffffff)
  }
  return result
}

/** Float32 values of bfloat16 bit patterns (the upper half of a float32); exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
  return new Float32Array(words.buffer)
}

/** The bfloat16 bit patterns of float32 values, rounded to nearest, ties to even; any NaN becomes quiet. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const result = new Uint16Array(words.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const isNaN = (word & 0x7fffffff) > 0x7f800000
    // Adding just under half a unit, and one more above an odd result, carries where rounding goes up.
    result[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
  return result
}

/** Half-precision bits, without the sign, of float32 bits without the sign. */
function magnitudeToFloat16(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x47800000) return 0x7c00 // 2^16 and more, and infinity
  if (magnitude >= 0x38800000) {
    // Normal numbers, 2^-14 and more: move the exponent's bias from 127 to 15. Rounding up may carry into the exponent,
    // and from 65504 on into infinity, as it must.
    return (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
  }
  // Subnormal halves count units of 2^-24; the float32 counts units of 2^(exponent - 150).
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return 0
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const units = mantissa >>> shift
  const rest = mantissa - (units << shift)
  const half = 1 << (shift - 1)
  return rest > half || (rest === half && (units & 1) === 1) ? units + 1 : units
}

/** The value of every half-precision bit pattern, 256 KiB, made when first needed. */
let float16Values: Float32Array | undefined

function tabulateFloat16(): Float32Array {
  const values = new Float32Array(65536)
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >>> 10) & 0x1f
    const fraction = bits & 0x3ff
    if (exponent === 0) values[bits] = sign * fraction * 2 ** -24
    else if (exponent === 31) values[bits] = fraction ? NaN : sign * Infinity
    else values[bits] = sign * (1024 + fraction) * 2 ** (exponent - 25)
  }
  return values
}

type ElementArray = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>

interface ElementArrayType<T extends ElementArray> {
  new (buffer: ArrayBufferLike, offset?: number, length?: number): T
  readonly BYTES_PER_ELEMENT: number
}

/** The bytes as an array of that type, which wants an aligned start: in place where it is, else copied. */
function elements<T extends ElementArray>(type: ElementArrayType<T>, bytes: Uint8Array): T {
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT)
}
