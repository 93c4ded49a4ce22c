import type { EvaluationResults, RowResult } from '../results.js'
import { escapeHtml } from '../../report/html.js'
import { drawPlot, linearAxis, PLOT, ratioAxis, shortNumber, type Axis } from '../../report/svg.js'

const [LEFT, RIGHT] = [PLOT.left, PLOT.width - PLOT.right]
const [FLOOR, TOP] = [PLOT.height - PLOT.bottom, PLOT.top]

/** The plots of a report, as SVG; those that have nothing to show are left out. */
export function drawPlots(results: EvaluationResults): string[] {
  const { rows } = results
  const timed = rows.filter(({ milliseconds }) => milliseconds)
  return [
    distancePlot('Distance by steps', 'steps of the sampler', results, rows, ({ row }) => row.steps, String),
    ...(timed.length > 0
      ? [
          distancePlot(
            'Distance by time to denoise',
            'seconds of denoising a clip',
            results,
            timed,
            ({ milliseconds }) => milliseconds!.denoise / 1000,
          ),
        ]
      : []),
    motionPlot(results),
  ]
}

/** A colour for each network, told apart by those who see no red or green too (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']

function colourOf(network: string, rows: readonly RowResult[]): string {
  const names = [...new Set(rows.map(({ row }) => row.network))]
  return COLOURS[names.indexOf(network) % COLOURS.length]!
}

/** FVD of each row with its interval, against something of the row, both in equal ratios; a line for each network. */
function distancePlot(
  title: string,
  name: string,
  { rows: all, reconstruction }: EvaluationResults,
  rows: readonly RowResult[],
  of: (result: RowResult) => number,
  tick?: (value: number) => string,
): string {
  const places = rows.map(of)
  const x = ratioAxis(Math.min(...places), Math.max(...places), LEFT, RIGHT)
  const heights = rows.flatMap(({ fvd, fvdInterval: [low, high] }) => [fvd, Math.max(low, fvd / 4), high])
  const floor = Math.max(reconstruction.fvd, Math.min(...heights) / 10)
  const y = ratioAxis(Math.min(floor, ...heights), Math.max(...heights), FLOOR, TOP)
  const steps: Axis = tick ? { ...x, ticks: [...new Set(places)].sort((a, b) => a - b) } : x
  const lines = [...new Set(rows.map(({ row }) => row.network))].map((network) => {
    const points = rows.filter(({ row }) => row.network === network).sort((a, b) => of(a) - of(b))
    const path = points.map((point) => `${x.at(of(point)).toFixed(1)} ${y.at(point.fvd).toFixed(1)}`).join('L')
    return `<path class="line" stroke="${colourOf(network, all)}" d="M${path}"/>`
  })
  const points = rows.map((result) => {
    const { row, label, fvd, fvdInterval } = result
    const colour = colourOf(row.network, all)
    const at = x.at(of(result)).toFixed(1)
    const [low, high] = fvdInterval.map((value) => y.at(Math.max(value, fvd / 4)).toFixed(1))
    return (
      `<path class="bar" stroke="${colour}" d="M${at} ${low}V${high}"/>` +
      `<circle cx="${at}" cy="${y.at(fvd).toFixed(1)}" r="4" fill="${colour}">` +
      `<title>${escapeHtml(label)}: ${shortNumber(fvd)}</title></circle>`
    )
  })
  const vae = y.at(floor).toFixed(1)
  const least =
    `<path class="least" d="M${LEFT} ${vae}H${RIGHT}"/>` +
    `<text x="${RIGHT - 2}" y="${Number(vae) - 5}" text-anchor="end">VAE alone</text>`
  return drawPlot(
    title,
    [steps, name, tick],
    [y, 'Frechet distance'],
    least + legend(all) + lines.join('') + points.join(''),
  )
}

function legend(rows: readonly RowResult[]): string {
  return [...new Set(rows.map(({ row }) => row.network))]
    .map((network, i) => {
      const y = TOP + 8 + 16 * i
      const colour = colourOf(network, rows)
      return `<circle cx="${RIGHT - 8}" cy="${y}" r="4" fill="${colour}"/><text x="${RIGHT - 17}" y="${y + 4}" text-anchor="end">${escapeHtml(network)}</text>`
    })
    .join('')
}

/** Motion of each clip of the real ones and of every row: a dot for each, a stroke at the mean. */
function motionPlot({ real, rows }: EvaluationResults): string {
  const sets = [
    { name: 'real', colour: '#555', motions: real.motions },
    ...rows.map(({ row, motions }) => ({
      name: `${row.network} ${row.steps}`,
      colour: colourOf(row.network, rows),
      motions,
    })),
  ]
  const most = Math.max(
    ...sets.map(({ motions }) => [...motions].sort((a, b) => a - b)[Math.floor(motions.length * 0.98)]!),
  )
  const y = linearAxis(100 * most, FLOOR, TOP)
  const room = (RIGHT - LEFT) / sets.length
  const x: Axis = { at: (value) => LEFT + (value + 0.5) * room, ticks: sets.map((_, i) => i) }
  const dots = sets.map(({ colour, motions }, set) => {
    const points = motions.map((motion, i) => {
      // Spread by the golden ratio, so that neighbours in order do not lie on each other.
      const across = ((i * 0.618034) % 1) - 0.5
      const height = Math.max(TOP, y.at(100 * motion)).toFixed(1)
      return `<circle cx="${(x.at(set) + across * room * 0.6).toFixed(1)}" cy="${height}" r="2" fill="${colour}" opacity="0.45"/>`
    })
    const mean = y.at((100 * motions.reduce((sum, value) => sum + value, 0)) / motions.length).toFixed(1)
    const [from, to] = [x.at(set) - room * 0.35, x.at(set) + room * 0.35].map((value) => value.toFixed(1))
    return `${points.join('')}<path class="mean" d="M${from} ${mean}H${to}"/>`
  })
  return drawPlot(
    'Motion of each clip',
    [x, 'network and steps; the stroke is the mean', (i) => sets[i]!.name],
    [y, 'frame difference, %'],
    dots.join(''),
  )
}
