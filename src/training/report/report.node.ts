import { writeFileAtomic } from '../../runtime/files.node.js'
import { chartSvg, short, type Curve } from './chart.js'
import { escapeHtml, htmlPage } from '../../report/html.js'
import { type LogLine } from '../trainer/run-folder.node.js'
import { readRun, type RunData, type RunSample } from './run-data.node.js'
import { STYLE } from './style.js'

/** Curves that belong in one chart, by their names in the log, and what to see in them. */
const CHARTS: readonly { title: string; note: string; curves: Readonly<Record<string, string>> }[] = [
  { title: 'Loss', note: 'What is minimised.', curves: { loss: 'loss' } },
  {
    title: 'Verdicts of the discriminator',
    note: 'Low on real clips, high on generated ones. Meeting at 0: it cannot tell them apart. At -1 and 1 for long: it has won, and the generator learns little.',
    curves: { realLogit: 'D(real)', fakeLogit: 'D(fake)' },
  },
  {
    title: 'Loss of the discriminator',
    note: 'Two hinges: 2 when it knows nothing, 0 when it is always sure.',
    curves: { headsLoss: 'whole', realLoss: 'on real', fakeLoss: 'on generated' },
  },
  { title: 'R1', note: 'Square of the gradient on real clips: how steep the discriminator is.', curves: { r1: 'R1' } },
  {
    title: 'Gradient norms',
    note: 'Before clipping to maxGradientNorm. A rise over the whole run announces a divergence.',
    curves: { gradientNorm: 'network', headsGradientNorm: 'heads' },
  },
  { title: 'Learning rate', note: '', curves: { learningRate: 'learning rate' } },
  { title: 'Seconds a step', note: '', curves: { seconds: 'seconds' } },
]

/**
 * Writes a run's report, one HTML file that needs no other: curves, samples over time, recipe.
 *
 * @returns the steps in the log and the step sheets shown.
 * @throws UserError when the folder holds no run or the file cannot be written.
 */
export async function writeReport(folder: string, file: string): Promise<{ steps: number; samples: number }> {
  const run = await readRun(folder)
  await writeFileAtomic(file, reportPage(run))
  return { steps: run.log.length, samples: run.samples.length }
}

/** A run as one HTML page that needs no other file. */
function reportPage(run: RunData): string {
  const { recipe, log } = run
  const body = `<header><p class="kind">training run</p><h1>${escapeHtml(run.name)}</h1>${facts(run)}</header>
<main>
<section><h2>Samples over time</h2>${samples(run.samples)}</section>
<section><h2>Curves</h2><p class="note">Faint: as measured. Strong: running mean over a twentieth of the run.</p>
<div class="charts">${charts(log)}</div></section>
<section><h2>Recipe</h2><p class="note">Every field, defaults filled in.</p>${config(recipe)}</section>
</main>`
  return htmlPage({ title: `${run.name} · ${String(recipe['objective'])}`, style: STYLE, body })
}

function facts({ recipe, log, checkpoint, updated }: RunData): string {
  const step = log.at(-1)?.['step'] ?? 0
  const seconds = log.reduce((sum, line) => sum + (line['seconds'] ?? 0), 0)
  const perStep = seconds / Math.max(1, log.length)
  const list: [string, string][] = [
    ['objective', String(recipe['objective'])],
    ['steps', `${step.toLocaleString('en')} of ${Number(recipe['steps']).toLocaleString('en')}`],
    ['time in steps', hours(seconds)],
    ['a step', `${short(perStep)} s`],
    ['newest checkpoint', checkpoint === undefined ? 'none' : `step ${checkpoint.toLocaleString('en')}`],
    ['last written', `${updated.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
  ]
  const share = Math.min(100, (100 * step) / Number(recipe['steps']))
  const cells = list.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
  return `<div class="bar"><i style="width:${share.toFixed(1)}%"></i></div><dl class="facts">${cells.join('')}</dl>`
}

function hours(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(0)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

function samples(list: readonly RunSample[]): string {
  if (list.length === 0) return '<p class="note">None yet: the recipe’s sampleEvery says when.</p>'
  const figures = list.map(({ step, file, bytes }) => {
    const type = file.endsWith('webp') ? 'image/webp' : 'image/png'
    const caption = `step ${step.toLocaleString('en')}`
    return `<figure><img src="data:${type};base64,${Buffer.from(bytes).toString('base64')}" alt="samples of ${caption}"><figcaption>${caption}</figcaption></figure>`
  })
  const moving = list.some(({ file }) => file.endsWith('webp'))
  const where = moving ? ['at the left', 'at the right'] : ['above', 'below']
  return `<p class="note">In pairs: the data ${where[0]}, what the network makes of it ${where[1]}.</p><div class="samples">${figures.join('')}</div>`
}

function charts(log: readonly LogLine[]): string {
  const named = new Set(['step', ...CHARTS.flatMap(({ curves }) => Object.keys(curves))])
  const present = new Set(log.flatMap((line) => Object.keys(line)))
  const others = [...present].filter((name) => !named.has(name))
  const more = others.map((name) => ({ title: name, note: '', curves: { [name]: name } }))
  const [first, ...rest] = CHARTS
  return [first!, ...more, ...rest].map(({ title, note, curves }) => chart(title, note, curves, log)).join('')
}

function chart(title: string, note: string, names: Readonly<Record<string, string>>, log: readonly LogLine[]): string {
  const curves: Curve[] = Object.entries(names).flatMap(([key, name]) => {
    const series = log.flatMap((line) => (key in line ? [[line['step'], line[key]!] as const] : []))
    return series.length > 0 ? [{ name, series }] : []
  })
  if (curves.length === 0) return ''
  const legend = curves.map(
    ({ name, series }, i) =>
      `<span class="c${i}"><b></b>${escapeHtml(name)} <em>${short(series.at(-1)![1])}</em></span>`,
  )
  const text = note === '' ? '' : `<p class="note">${escapeHtml(note)}</p>`
  return `<article><h3>${escapeHtml(title)}</h3><p class="legend">${legend.join('')}</p>${chartSvg(title, curves)}${text}</article>`
}

function config(recipe: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(recipe).flatMap(([name, value]) =>
    name === '$schema' ? [] : [`<tr><th>${escapeHtml(name)}</th><td>${cell(value)}</td></tr>`],
  )
  return `<div class="table"><table>${rows.join('')}</table></div>`
}

function cell(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `<code>${escapeHtml(String(value))}</code>`
  const text = JSON.stringify(value, null, 2)
  if (text.length < 300) return `<pre>${escapeHtml(text)}</pre>`
  return `<details><summary>${Object.keys(value).length} fields</summary><pre>${escapeHtml(text)}</pre></details>`
}
