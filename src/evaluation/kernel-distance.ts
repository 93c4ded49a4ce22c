import type { FeatureRows } from './frechet.js'

/**
 * The kernel distance between two sets of features (Binkowski et al. 2018): an estimate of the squared maximum mean
 * discrepancy under the kernel (x.y/d + 1)^3. Row i of both comes from the same picture, so the two are drawn as pairs,
 * and no pair is held against itself (the U-statistic of Gretton et al. 2012, lemma 6). Unlike the Frechet distance it
 * does not grow as clips become fewer: that of equal distributions scatters around 0, and may be negative.
 *
 * @param x (n, d), n at least 2
 * @param y (n, d)
 */
export function kernelDistance(x: FeatureRows, y: FeatureRows): number {
  let sum = 0
  for (let i = 0; i < x.length; i++)
    for (let j = 0; j < i; j++)
      sum += kernel(x[i]!, x[j]!) + kernel(y[i]!, y[j]!) - kernel(x[i]!, y[j]!) - kernel(x[j]!, y[i]!)
  return sum / ((x.length * (x.length - 1)) / 2)
}

function kernel(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!
  return (dot / a.length + 1) ** 3
}
