import type { FeatureRows } from './frechet.js'

/**
 * The kernel distance between two sets of features (Binkowski et al. 2018): the unbiased estimate of the squared maximum mean
 * discrepancy under the kernel (x.y/d + 1)^3. Unlike the Frechet distance it does not grow as clips become fewer; that of
 * equal distributions scatters around 0 and may be negative.
 *
 * @param x (n, d), n at least 2
 * @param y (m, d), m at least 2
 */
export function kernelDistance(x: FeatureRows, y: FeatureRows): number {
  return withinMean(x) + withinMean(y) - 2 * mean(x.flatMap((a) => y.map((b) => kernel(a, b))))
}

/** The mean over pairs of different rows. */
function withinMean(rows: FeatureRows): number {
  return mean(rows.flatMap((a, i) => rows.slice(i + 1).map((b) => kernel(a, b))))
}

function kernel(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!
  return (dot / a.length + 1) ** 3
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
