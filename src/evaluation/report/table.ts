import type { EvaluationResults, SetMetrics, TornBlocks } from '../results.js'
import { TORN_FRAMES } from '../torn-blocks.js'
import { shortNumber } from '../../report/svg.js'

/** Titles of the columns, and what each of them means. */
export const COLUMNS: readonly (readonly [title: string, meaning: string])[] = [
  ['', ''],
  ['FVD', 'Frechet distance to the real clips in the features named above; smaller is better'],
  ['95 %', 'bootstrap interval of the Frechet distance'],
  ['kernel', 'kernel distance times 1000, which few clips do not bias; smaller is better'],
  ['motion', 'mean difference between frames, as a share of that of the real clips; 100 % is best'],
  ['flicker', 'mean deviation of a frame from the average of its neighbours, in per mille of the range'],
  ['torn', 'share of 4x4 blocks that are nowhere near in the first frame: the mean of three frames'],
  [`at ${TORN_FRAMES.join(', ')}`, 'the same, in per cent, of each of these frames'],
  ['1st frame', 'PSNR of the first frame against the picture that was given; of the VAE over all frames'],
  ['diversity', 'mean difference between clips of one picture by different seeds, in per mille of the range'],
  [
    'denoise',
    'milliseconds of denoising a clip, its network being warm: the median of rounds in which all rows had their turn',
  ],
  ['clip', 'the same of encoding, denoising and decoding together'],
]

/** The cells of the table: the real clips, the VAE, then the rows. */
export function tableCells({ real, reconstruction, rows }: EvaluationResults): string[][] {
  return [
    ['real clips', '0', '', '', '100 %', perMille(real.flicker), ...tornCells(real.tornBlocks), '', '', '', ''],
    ['VAE alone', ...distanceCells(reconstruction), `all ${reconstruction.psnr.toFixed(1)} dB`, '', '', ''],
    ...rows.map((result) => {
      const { milliseconds: times, diversity } = result
      return [
        result.label,
        ...distanceCells(result),
        `${result.firstFramePsnr.toFixed(1)} dB`,
        diversity === undefined ? '' : perMille(diversity),
        times ? `${shortNumber(times.denoise)} ms` : '',
        times ? `${shortNumber(times.encode + times.denoise + times.decode)} ms` : '',
      ]
    }),
  ]
}

function distanceCells({
  fvd,
  fvdInterval: [low, high],
  kernelDistance,
  motionRatio,
  flicker,
  tornBlocks,
}: SetMetrics): string[] {
  return [
    fvd.toPrecision(3),
    `${Math.max(0, low).toPrecision(3)} - ${high.toPrecision(3)}`,
    (1000 * kernelDistance).toPrecision(3),
    `${Math.round(100 * motionRatio)} %`,
    perMille(flicker),
    ...tornCells(tornBlocks),
  ]
}

function tornCells({ frames, mean }: TornBlocks): string[] {
  return [`${(100 * mean).toFixed(1)} %`, frames.map((share) => (100 * share).toFixed(1)).join(', ')]
}

function perMille(share: number): string {
  return (1000 * share).toFixed(1)
}

/** The table for a terminal. */
export function printTable(results: EvaluationResults): string {
  const lines = [COLUMNS.map(([title]) => title), ...tableCells(results)]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)))
  return lines
    .map((cells) =>
      cells
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
