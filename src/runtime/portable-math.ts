/**
 * ECMAScript leaves the last bits of `Math.log`, `Math.cos` and `Math.sin` to each engine. These use only + - * /,
 * which IEEE 754 fixes, so a seed gives the same noise, bit for bit, in every browser and in Node. Their error is below
 * 1e-15 (relative for the logarithm).
 */

const LN2 = 0.6931471805599453
const view = new DataView(new ArrayBuffer(8))

/** 1/1, 1/3, 1/5 ...: enough that the rest of the series is below 1e-18 for |s| <= 0.172. */
const ATANH_TERMS = Array.from({ length: 12 }, (_, k) => 1 / (2 * k + 1))

/** The natural logarithm of a positive, normal double, by ln m = 2 atanh((m - 1) / (m + 1)) on m in [0.707, 1.414]. */
export function portableLog(x: number): number {
  view.setFloat64(0, x)
  const high = view.getUint32(0)
  let exponent = (high >>> 20) - 1023
  view.setUint32(0, (high & 0xfffff) | 0x3ff00000)
  let mantissa = view.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent++
  }
  const s = (mantissa - 1) / (mantissa + 1)
  let sum = 0
  for (let k = ATANH_TERMS.length - 1; k >= 0; k--) sum = sum * s * s + ATANH_TERMS[k]!
  return exponent * LN2 + 2 * s * sum
}

/** The sine and cosine series, alternating signs included: x^k / k! for |x| <= pi/4 to below 1e-18. */
const SINE_TERMS = alternatingInverseFactorials(1)
const COSINE_TERMS = alternatingInverseFactorials(0)

function alternatingInverseFactorials(first: 0 | 1): number[] {
  const terms: number[] = []
  let factorial = 1
  for (let k = first; k < 20; k += 2) {
    terms.push((terms.length % 2 === 0 ? 1 : -1) / factorial)
    factorial *= (k + 1) * (k + 2)
  }
  return terms
}

function evenPolynomial(terms: readonly number[], x: number): number {
  let sum = 0
  for (let k = terms.length - 1; k >= 0; k--) sum = sum * x * x + terms[k]!
  return sum
}

/** [cos, sin] of `turns` full turns, for `turns` in [0, 1): the reduction to an eighth of a turn is exact. */
export function portableCosSin(turns: number): [number, number] {
  const quarter = Math.floor(turns * 4 + 0.5)
  const angle = (turns - quarter / 4) * (2 * Math.PI)
  const cosine = evenPolynomial(COSINE_TERMS, angle)
  const sine = evenPolynomial(SINE_TERMS, angle) * angle
  switch (quarter & 3) {
    case 0:
      return [cosine, sine]
    case 1:
      return [-sine, cosine]
    case 2:
      return [-cosine, -sine]
    default:
      return [sine, -cosine]
  }
}
