/** Vectors one after another. */
export function concatenated(parts: readonly Float32Array[]): Float32Array<ArrayBuffer>
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>
export function concatenated(parts: readonly Float32Array[] | readonly Uint8Array[]) {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const whole = parts[0] instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
