// Prints the paper's three tables at this size from the results of `sfv eval`, and with --write puts them into
// docs/results.md: npx tsx scripts/paper-tables.ts [--write]. Rows whose evaluation is not there stay empty.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvaluationResults } from '../src/evaluation/results.js'

const DOCUMENT = 'docs/results.md'
const MARKS = ['<!-- paper tables -->', '<!-- end of paper tables -->'] as const

/** A row: what the table calls it, the folder of its evaluation, its label in there, and the paper's FVD. */
type Entry = readonly [name: string, folder: string, label: string, paper: string]

const TEACHER = 'runs/eval/teacher'
const UNGUIDED = 'runs/eval/teacher-unguided'
const student = (folder: string) => [`runs/eval/${folder}`, 'student 1 step'] as const

const TABLES: readonly { readonly title: string; readonly rows: readonly Entry[] }[] = [
  {
    title: 'Table 1: methods',
    rows: [
      ...(
        [
          [25, '153.4'],
          [16, '194.4'],
          [8, '488.6'],
          [4, '1687.0'],
        ] as const
      ).map(([steps, paper]): Entry => [`teacher, ${steps} steps`, TEACHER, `unet ${steps} steps`, paper]),
      ['teacher, 1 step', TEACHER, 'unet 1 step', ''],
      ...[25, 16, 8, 4].map((steps): Entry => [
        `teacher without guidance, ${steps} steps`,
        UNGUIDED,
        `unet ${steps} steps unguided`,
        '',
      ]),
      ...(
        [
          [8, '281.0'],
          [4, '801.4'],
          [2, '1158.4'],
        ] as const
      ).map(([steps, paper]): Entry => [
        `consistency, ${steps} steps`,
        'runs/eval/consistency',
        `student ${steps} steps consistency`,
        paper,
      ]),
      ['UFOGen, 1 step', ...student('ufogen'), '1917.2'],
      ['LADD, 1 step', ...student('ladd'), '1893.8'],
      ['**SF-V, 1 step**', ...student('sfv'), '180.9'],
      ['**SF-V of `models/fluent`, 1 step**', TEACHER, 'student 1 step', ''],
    ],
  },
  {
    title: 'Table 2: heads of the discriminator',
    rows: [
      ['spatial and temporal', ...student('sfv'), '180.9'],
      ['spatial alone', ...student('heads-spatial'), '514.7'],
      ['temporal alone', ...student('heads-temporal'), '539.2'],
    ],
  },
  {
    title: "Table 3: the discriminator's noise (P_mean, P_std)",
    rows: [
      ['-2, -1', ...student('sfv'), '3370.4'],
      ['-1, -1', ...student('noise-minus1-1'), '180.9'],
      ['0, 1', ...student('noise-0-1'), '416.7'],
      ['1, 1', ...student('noise-1-1'), '632.9'],
    ],
  },
]

const HEAD = [
  '',
  'FVD',
  '95 %',
  'over 25 steps',
  'kernel x1000',
  'motion',
  'flicker x1000',
  '1st frame',
  'denoise',
  'paper',
]

async function readResults(folder: string): Promise<EvaluationResults | undefined> {
  const text = await readFile(join(folder, 'results.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as EvaluationResults)
}

/**
 * The cells of a row; distances are over those of the teacher's 25 steps, `reference`, in the same features and clips.
 */
async function cellsOf([name, folder, label, paper]: Entry, reference: number | undefined): Promise<string[]> {
  const found = (await readResults(folder))?.rows.find((row) => row.label === label)
  if (!found) return [name, ...Array<string>(HEAD.length - 2).fill(''), paper]
  const [low, high] = found.fvdInterval
  return [
    name,
    found.fvd.toPrecision(3),
    `${low.toPrecision(3)} to ${high.toPrecision(3)}`,
    reference === undefined ? '' : (found.fvd / reference).toFixed(2),
    (1000 * found.kernelDistance).toPrecision(3),
    `${Math.round(100 * found.motionRatio)} %`,
    (1000 * found.flicker).toFixed(1),
    `${found.firstFramePsnr.toFixed(1)} dB`,
    found.milliseconds ? `${Math.round(found.milliseconds.denoise)} ms` : '',
    paper,
  ]
}

async function section(): Promise<string> {
  const teacher = await readResults(TEACHER)
  const reference = teacher?.rows.find(({ label }) => label === 'unet 25 steps')?.fvd
  const parts: string[] = []
  if (teacher) {
    const { data, features, reconstruction, real } = teacher
    parts.push(
      `${data.clips} clips of ${data.figures} figures of the ${data.split} split. Distances are in ${features.description} (SHA-256 ` +
        `${features.checksum.slice(0, 12)}). They cannot be compared with the paper's. The VAE alone: ${reconstruction.psnr.toFixed(1)} dB, ` +
        `distance ${reconstruction.fvd.toPrecision(3)}. Flicker of the real clips: ${(1000 * real.flicker).toFixed(1)}.`,
    )
  }
  for (const { title, rows } of TABLES) {
    const lines = await Promise.all(rows.map((row) => cellsOf(row, reference)))
    const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
    parts.push(`### ${title}`, [line(HEAD), line(HEAD.map(() => '---')), ...lines.map(line)].join('\n'))
  }
  return parts.join('\n\n')
}

const text = await section()
if (process.argv.includes('--write')) {
  const [before, rest] = (await readFile(DOCUMENT, 'utf8')).split(MARKS[0])
  const after = rest?.split(MARKS[1])[1]
  if (after === undefined) throw new Error(`${DOCUMENT} has no ${MARKS.join(' ... ')}`)
  await writeFile(DOCUMENT, `${before!.trimEnd()}\n\n${MARKS[0]}\n\n${text}\n\n${MARKS[1]}${after}`)
} else console.log(text)
