import { FLOORS } from './floors.js'

/** What each folder of src/ is for, in lines of the picture. */
const PURPOSES: Readonly<Record<string, readonly string[]>> = {
  cli: ['the command line'],
  web: ['the browser library', '(the studio is web/)'],
  server: ['the HTTP service and its workers'],
  evaluation: ['what is measured of models'],
  pipeline: ['pictures to clips:', 'plans, ends, drags, memory'],
  training: ['objectives, trainer, LoRA,', 'batches, reports'],
  svd: ['the networks opened and run: source, preprocessing, condition, denoiser, decoding'],
  models: ["SVD's three networks, SF-V's heads, I3D, features"],
  nn: ['layers'],
  diffusion: ['EDM, schedules, samplers'],
  graph: ['tensors, ops, gradients, lowering to ONNX'],
  runtime: ['engine, random', 'numbers, threads'],
  weights: ['safetensors,', 'folders, the hub'],
  media: ['pictures and clips,', 'in and out'],
  data: ['clip stores,', 'designed motions'],
  report: ['pages and plots', 'of reports'],
}

const [WIDTH, LEFT, RIGHT, TOP, GAP, HEIGHT] = [920, 44, 16, 16, 10, 68] as const

const escaped = (text: string) => text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`)

/** The floors as an SVG picture, the highest on top. */
export function floorsSvg(): string {
  const floors = [...FLOORS].reverse()
  const height = TOP + floors.length * (HEIGHT + GAP) + 6
  const rows = floors.map((folders, row) => {
    const y = TOP + row * (HEIGHT + GAP)
    const width = (WIDTH - LEFT - RIGHT - GAP * (folders.length - 1)) / folders.length
    return folders.map((folder, i) => box(folder, LEFT + i * (width + GAP), y, width)).join('')
  })
  const arrow = `<path class="arrow" d="M22 ${TOP + 4}V${height - 26}m-6 -10l6 10l6 -10"/>`
  const word = `<text class="word" transform="translate(12 ${height / 2}) rotate(-90)" text-anchor="middle">imports go down</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="The floors of src/">
<style>
svg{background:#fff}
rect{fill:#f4f6fb;stroke:#c3ccdf}
text{font:13px system-ui,sans-serif;fill:#4a5163}
.name{font:600 15px ui-monospace,Menlo,monospace;fill:#1b2233}
.word{font-size:12px;fill:#8a91a3}
.arrow{fill:none;stroke:#8a91a3;stroke-width:1.5}
</style>
${arrow}${word}
${rows.join('\n')}
</svg>
`
}

function box(folder: string, x: number, y: number, width: number): string {
  const purpose = PURPOSES[folder]
  if (!purpose) throw new Error(`say in scripts/floors-svg.ts what ${folder}/ is for`)
  const lines = purpose.map((line, i) => {
    const at = y + (purpose.length === 1 ? 46 : 41) + 16 * i
    return `<text x="${x + 14}" y="${at}">${escaped(line)}</text>`
  })
  return (
    `<rect x="${x}" y="${y}" width="${width}" height="${HEIGHT}" rx="6"/>` +
    `<text class="name" x="${x + 14}" y="${y + 23}">${folder}/</text>${lines.join('')}`
  )
}
