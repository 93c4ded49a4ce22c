const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI)

/**
 * erf by its series of positive terms, 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!! (DLMF 7.6.2), for 0 <= x < 2.
 */
function series(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum
}

/** erfc by its continued fraction x/(x^2 + 1/2/(1 + 1/(x^2 + ...))) (DLMF 7.9.2), from the far end back, for x >= 2. */
function continuedFraction(x: number): number {
  let fraction = x
  // At x = 2, where it converges slowest, 60 levels reach 1e-16.
  for (let k = 60; k >= 1; k--) fraction = x + k / 2 / fraction
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction)
}

function erfcOfPositive(x: number): number {
  return x < 2 ? 1 - series(x) : continuedFraction(x)
}

/**
 * erf(b) - erf(a) for a <= b, to about 1e-15 of the larger of the terms it subtracts: in the tails those are
 * complements, which do not round to 1, so that far-out differences keep their digits.
 */
export function erfDifference(a: number, b: number): number {
  if (a >= 2) return erfcOfPositive(a) - erfcOfPositive(b)
  if (b <= -2) return erfcOfPositive(-b) - erfcOfPositive(-a)
  return erf(b) - erf(a)
}

/** The error function 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x, to about 1e-15. */
export function erf(x: number): number {
  const magnitude = Math.abs(x)
  const value = magnitude < 2 ? series(magnitude) : 1 - continuedFraction(magnitude)
  return x < 0 ? -value : value
}
