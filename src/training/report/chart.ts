import { escapeHtml } from '../../report/html.js'
import { rangeAxis } from '../../report/svg.js'
import { smooth, thin, valueRange, type Series } from './series.js'

/** A curve of a chart. */
export interface Curve {
  readonly name: string
  readonly series: Series
}

const [WIDTH, HEIGHT] = [480, 220]
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 10, 8, 24]

/** Curves over the steps as an SVG picture: faint as measured, strong as a running mean. Colours are the page's. */
export function chartSvg(title: string, curves: readonly Curve[]): string {
  const raw = curves.map(({ series }) => thin(series))
  const smoothed = raw.map(smooth)
  const steps = raw.flat().map(([step]) => step)
  const [first, last] = [Math.min(...steps), Math.max(...steps)]
  const [low, high] = valueRange(raw, smoothed)
  const { at: x, ticks: stepTicks } = rangeAxis(first, last, LEFT, WIDTH - RIGHT, 5)
  const { at: y, ticks: valueTicks } = rangeAxis(low, high, HEIGHT - BOTTOM, TOP, 4)
  // Far outside they would only make the file larger: the frame cuts them off.
  const inside = (value: number) => Math.min(HEIGHT * 2, Math.max(-HEIGHT, y(value)))
  const path = (series: Series) =>
    `M${series.map(([step, value]) => `${x(step).toFixed(1)} ${inside(value).toFixed(1)}`).join('L')}`
  const lines = valueTicks.map(
    (value) =>
      `<path class="grid" d="M${LEFT} ${y(value).toFixed(1)}H${WIDTH - RIGHT}"/>` +
      `<text class="tick" x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${short(value)}</text>`,
  )
  const below = stepTicks.map(
    (step) =>
      `<text class="tick" x="${x(step).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="middle">${short(step)}</text>`,
  )
  const drawn = raw.map(
    (series, i) =>
      `<g class="curve c${i}"><path class="raw" d="${path(series)}"/><path class="mean" d="${path(smoothed[i]!)}"/></g>`,
  )
  const frame = `<svg x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}" height="${HEIGHT - TOP - BOTTOM}" viewBox="${LEFT} ${TOP} ${WIDTH - LEFT - RIGHT} ${HEIGHT - TOP - BOTTOM}">${drawn.join('')}</svg>`
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${lines.join('')}${below.join('')}${frame}</svg>`
}

/** A number in few characters: 12k, 0.0031, 2.5e-5. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (value === 0) return '0'
  if (size >= 1e6) return `${trim((value / 1e6).toPrecision(3))}M`
  if (size >= 1e4) return `${trim((value / 1e3).toPrecision(3))}k`
  if (size < 1e-3) return value.toExponential(1).replace('.0e', 'e')
  return trim(value.toPrecision(4))
}

const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
