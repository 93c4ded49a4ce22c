import { escapeHtml } from './html.js'

/** A scale from values to pixels. */
export interface Axis {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

/** An axis that begins at 0. */
export function linearAxis(most: number, from: number, to: number): Axis {
  const step = niceStep(most / 4)
  const end = Math.max(step, Math.ceil(most / step - 1e-9) * step)
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step)
  return { at: (value) => from + ((to - from) * value) / end, ticks }
}

/** An axis over a range, with about `count` ticks. */
export function rangeAxis(low: number, high: number, from: number, to: number, count: number): Axis {
  const at = (value: number) => from + ((value - low) / (high - low || 1)) * (to - from)
  return { at, ticks: ticks(low, high, count) }
}

/** About `count` round numbers within a range. */
export function ticks(low: number, high: number, count: number): number[] {
  const step = niceStep((0.75 * (high - low)) / count)
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  )
}

/** An axis of equal ratios, its ticks 1, 2 and 5 of each decade, or the decades alone where those are many. */
export function ratioAxis(least: number, most: number, from: number, to: number): Axis {
  const [low, high] = [Math.log(least / 1.15), Math.log(most * 1.15)]
  const at = (value: number) => from + ((to - from) * (Math.log(value) - low)) / (high - low)
  const wide = high - low > Math.log(300)
  const ticks: number[] = []
  for (let decade = Math.floor(low / Math.LN10); decade <= Math.ceil(high / Math.LN10); decade++)
    for (const digit of wide ? [1] : [1, 2, 5]) {
      const tick = digit * 10 ** decade
      if (Math.log(tick) >= low && Math.log(tick) <= high) ticks.push(Number(tick.toPrecision(1)))
    }
  return { at, ticks }
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const decade = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)))
  return decade * ([1, 2, 5].find((digit) => digit * decade >= least) ?? 10)
}

/** A number for a label: three significant digits, no exponent. */
export function shortNumber(value: number): string {
  if (value === 0) return '0'
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

/** The size of a plot and of the room around it, in pixels. */
export const PLOT = { width: 440, height: 300, left: 58, right: 14, top: 34, bottom: 46 } as const

/** A plot's frame: title, axes with ticks and grid lines, names of the axes; `content` lies over it. */
export function drawPlot(
  title: string,
  [x, xName, xTick]: readonly [axis: Axis, name: string, tick?: (value: number) => string],
  [y, yName]: readonly [axis: Axis, name: string],
  content: string,
): string {
  const { width, height, left, right, top, bottom } = PLOT
  const floor = height - bottom
  const xTicks = x.ticks
    .map((tick) => {
      const at = x.at(tick).toFixed(1)
      const name = escapeHtml((xTick ?? shortNumber)(tick))
      return `<path class="grid" d="M${at} ${top}V${floor}"/><text x="${at}" y="${floor + 16}" text-anchor="middle">${name}</text>`
    })
    .join('')
  const yTicks = y.ticks
    .map((tick) => {
      const at = y.at(tick).toFixed(1)
      return `<path class="grid" d="M${left} ${at}H${width - right}"/><text x="${left - 7}" y="${Number(at) + 4}" text-anchor="end">${shortNumber(tick)}</text>`
    })
    .join('')
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `<text class="title" x="${left}" y="18">${escapeHtml(title)}</text>${xTicks}${yTicks}` +
    `<path class="axis" d="M${left} ${top}V${floor}H${width - right}"/>` +
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(xName)}</text>` +
    `<text transform="translate(13 ${(top + floor) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yName)}</text>` +
    `${content}</svg>`
  )
}
