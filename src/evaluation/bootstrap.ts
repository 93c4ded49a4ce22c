import type { Random } from '../runtime/random.js'

/** A range, both ends included. */
export type Interval = readonly [low: number, high: number]

/** Resamplings of an interval. */
const DRAWS = 200

/**
 * A 95 % bootstrap interval of a statistic of clips (Efron): the clips are drawn again with replacement. Distances grow
 * when clips occur twice, so the quantiles are moved by as much as the draws' mean lies off the statistic itself.
 *
 * @param count how many clips there are
 * @param statistic of the clips of the given numbers, which may repeat; of all of them once, it is what is reported
 */
export function bootstrapInterval(
  count: number,
  statistic: (clips: readonly number[]) => number,
  random: Random,
): Interval {
  const value = statistic(Array.from({ length: count }, (_, i) => i))
  const drawn = Array.from({ length: DRAWS }, () =>
    statistic(Array.from({ length: count }, () => random.integer(count))),
  )
  const shift = value - drawn.reduce((sum, each) => sum + each, 0) / DRAWS
  drawn.sort((a, b) => a - b)
  return [quantile(drawn, 0.025) + shift, quantile(drawn, 0.975) + shift]
}

/** Of sorted values, linear between two neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const low = sorted[Math.floor(place)]!
  return low + (sorted[Math.ceil(place)]! - low) * (place % 1)
}
