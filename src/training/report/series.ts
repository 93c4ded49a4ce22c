/** Points (step, value) in the order of steps. */
export type Series = readonly (readonly [step: number, value: number])[]

/** How many points a curve has at most: about one for every two pixels. */
const POINTS = 240
/** Part of the run that the smooth curve averages over at each point. */
const WINDOW = 1 / 20

/** A series in at most `POINTS` bins of equal numbers of steps, each by its means. */
export function thin(series: Series): Series {
  if (series.length <= POINTS) return series
  return Array.from({ length: POINTS }, (_, i) => {
    const at = (j: number) => Math.floor((j * series.length) / POINTS)
    return mean(series.slice(at(i), at(i + 1)))
  })
}

/** The running mean of a series, over as many points before as after. */
export function smooth(series: Series): Series {
  const half = Math.floor((series.length * WINDOW) / 2)
  return series.map((_, i) => {
    const reach = Math.min(half, i, series.length - 1 - i)
    return mean(series.slice(i - reach, i + reach + 1))
  })
}

function mean(series: Series): readonly [number, number] {
  const sum = series.reduce(([x, y], [step, value]) => [x + step, y + value] as const, [0, 0] as const)
  return [sum[0] / series.length, sum[1] / series.length]
}

/** Where most values lie: all of the smooth curves, and the raw ones but for their outermost fiftieths. */
export function valueRange(raw: readonly Series[], smoothed: readonly Series[]): [low: number, high: number] {
  const sorted = raw
    .flat()
    .map(([, value]) => value)
    .sort((a, b) => a - b)
  const edge = Math.floor(sorted.length / 50)
  const inner = sorted.slice(edge, sorted.length - edge)
  const values = [...smoothed.flat().map(([, value]) => value), inner[0]!, inner.at(-1)!]
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return low === high ? [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2] : [low, high]
}
