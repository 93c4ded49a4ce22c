import type { MotionChoice } from '../motion-buckets.js'
import type { EvaluationResults } from '../results.js'
import { drawPlots } from './plots.js'
import { escapeHtml, htmlPage } from '../../report/html.js'
import { shortNumber } from '../../report/svg.js'
import { COLUMNS, tableCells } from './table.js'

/** Clips side by side. */
export interface Gallery {
  readonly prompts: readonly string[]
  /** An image for each prompt, as a URL: a clip for each column, each `width` wide and followed by `gap`. */
  readonly images: readonly string[]
  readonly columns: readonly string[]
  /** In pixels. */
  readonly width: number
  readonly gap: number
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1c1e; --dim: #6b6b70; --line: #d9d9de; --paper: #fff; --tint: #f4f4f7 }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --dim: #9a9aa2; --line: #3a3a40; --paper: #17171a; --tint: #222226 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 1400px; padding: 0 1.5rem }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem }
p { max-width: 60rem; margin: .4rem 0 } .dim { color: var(--dim) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .35rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th { color: var(--dim); font-weight: 600 } th:first-child, td:first-child { text-align: left; font-weight: 600 }
tbody tr:nth-child(-n+2) td { color: var(--dim) }
.plots { display: flex; flex-wrap: wrap; gap: 1.2rem }
svg { width: 440px; max-width: 100%; background: var(--tint); border-radius: 6px }
svg text { font: 11px system-ui, sans-serif; fill: var(--dim) } svg .title { font-size: 13px; font-weight: 600; fill: var(--ink) }
svg path { fill: none } svg .grid { stroke: var(--line); stroke-width: .6 } svg .axis { stroke: var(--dim) }
svg .line { stroke-width: 1.6; opacity: .6 } svg .bar { stroke-width: 1.4 } svg .mean { stroke: var(--ink); stroke-width: 2 }
svg .least { stroke: var(--dim); stroke-dasharray: 4 3 }
.gallery { width: max-content } .gallery img { display: block; background: #fff; border-radius: 3px }
.gallery header { display: flex; position: sticky; top: 0; background: var(--paper); padding: .3rem 0 }
.gallery header span { font-size: 12px; font-weight: 600; color: var(--dim); text-align: center }
.gallery figure { margin: 0 0 .5rem } .gallery figcaption { font-size: 11px; color: var(--dim) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: 13px } dt { color: var(--dim) } dd { margin: 0; overflow-wrap: anywhere }
`

/** The report as one HTML page that needs no other file. */
export function reportPage(results: EvaluationResults, gallery: Gallery): string {
  const { data, features, settings, machine, model, reconstruction } = results
  const cells = (line: readonly string[]) => line.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')
  const head = COLUMNS.map(([title, meaning]) => `<th title="${escapeHtml(meaning)}">${escapeHtml(title)}</th>`).join(
    '',
  )
  const body = tableCells(results)
    .map((line) => `<tr>${cells(line)}</tr>`)
    .join('\n')
  const meanings = COLUMNS.slice(1)
    .map(([title, meaning]) => `<dt>${escapeHtml(title)}</dt><dd>${escapeHtml(meaning)}</dd>`)
    .join('')
  const clips = `${data.clips} of the ${data.available} clips (${data.figures} figures) of the ${data.split} split`
  const page = `<h1>Evaluation of ${escapeHtml(model)}</h1>
<p>The first frames of ${escapeHtml(clips)} of ${escapeHtml(data.folder)}, animated in ${data.frames} frames of
${data.width}x${data.height} at ${shortNumber(data.fps)} frames a second, against the clips themselves.
Distances are taken in the features of <b>${escapeHtml(features.description)}</b>, and compare with no others.</p>
${warning(results)}
<h2>Numbers</h2>
<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>
<p class="dim">The VAE alone gives the real clips back at ${reconstruction.psnr.toFixed(1)} dB (all frames).</p>
<h2>Plots</h2>
<div class="plots">${drawPlots(results).join('\n')}</div>
<h2>Clips</h2>
${drawGallery(gallery)}
<h2>What the columns mean</h2>
<dl>${meanings}</dl>
<h2>How it was made</h2>
<dl><dt>sfv</dt><dd>${escapeHtml(results.version)}</dd>
<dt>seed</dt><dd>${settings.seed}; each clip has noise of its own that follows from the seed and its name</dd>
<dt>motion bucket</dt><dd>${told(settings.motion)}</dd>
<dt>noise augmentation</dt><dd>${settings.noiseAug}</dd>
<dt>diversity</dt><dd>${settings.seeds > 1 ? `${settings.seeds} seeds for each of the first pictures` : 'not measured'}</dd>
<dt>features</dt><dd>${escapeHtml(features.description)}; SHA-256 ${features.checksum}</dd>
${results.rows.map(({ label, checksum }) => `<dt>${escapeHtml(label)}</dt><dd>SHA-256 ${checksum}</dd>`).join('\n')}
<dt>machine</dt><dd>${escapeHtml(machine.processor)}, ${machine.cores} cores, on ${escapeHtml(machine.device)}; all rows timed in turn in one run</dd></dl>`
  return htmlPage({ title: `Evaluation of ${model}`, style: STYLE, body: page })
}

function told(motion: MotionChoice): string {
  return motion === 'shuffled' ? 'those of the real clips, shuffled among them' : `${motion} for every clip`
}

/** What a reader must know before believing the distances. */
function warning({ data, features }: EvaluationResults): string {
  if (data.clips > features.length) return ''
  return `<p><b>${data.clips} clips are fewer than the ${features.length} features:</b> Frechet distances are much too large for want of
clips, if equally so for all rows. Look at the kernel distance, or take more clips.</p>`
}

function drawGallery({ prompts, images, columns, width, gap }: Gallery): string {
  const head = columns.map((name) => `<span style="width:${width}px;margin-right:${gap}px">${escapeHtml(name)}</span>`)
  const lines = prompts.map((prompt, i) => {
    const alt = escapeHtml(`${prompt}: ${columns.join(', ')}`)
    const size = `width="${columns.length * (width + gap)}"`
    return `<figure><img ${size} alt="${alt}" src="${images[i]}"><figcaption>${escapeHtml(prompt)}</figcaption></figure>`
  })
  return `<div class="scroll"><div class="gallery"><header>${head.join('')}</header>\n${lines.join('\n')}\n</div></div>`
}
