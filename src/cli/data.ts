import { Command } from 'commander'
import type { BuildProgress } from '../data/build.node.js'
import type { FolderOptions as AllFolderOptions } from '../data/folder.node.js'
import type { Split } from '../data/splits.js'
import type { StoreIndex } from '../data/store.node.js'
import { interruptible } from './interrupt.js'
import { between, UsageError, whole } from './options.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv data fluent-emoji -o data/fluent       2,106 animated emoji and 1,285 still ones (fetches 730 MB once)
  sfv data icons -o data/icons               stills of the Noto and Twemoji icons, to be moved by designed motions (fetches 5 MB)
  sfv data ~/clips -o data/mine --size 256   the videos, GIFs and WebPs of a folder and of the folders in it
  sfv data ~/clips -o data/mine --test 0.2   a fifth of the clips is kept for sfv eval, the rest is trained on
  sfv data ~/clips -o data/svd --size 768x448
                                             in the size that SF-V was trained at

The store is what \`sfv train\` reads. The middle of each picture is taken, in the aspect ratio of --size; transparent pixels become white.`

/** What ends the work; nothing unfinished is left in the folder. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

interface Options {
  readonly out: string
  readonly size: { readonly width: number; readonly height: number }
  readonly fps: number
  readonly limit?: number
  readonly test?: number
  readonly force?: true
  readonly json?: true
}

/** `sfv data fluent-emoji|icons|FOLDER -o DIR`. */
export function dataCommand(): Command {
  return new Command('data')
    .description('make a clip store, to train on, of the animated Fluent emoji, of icons, or of a folder')
    .argument('<source>', 'fluent-emoji, icons, or a folder of videos, GIFs and WebPs')
    .requiredOption('-o, --out <dir>', 'folder of the store')
    .option('--size <size>', 'pixels of the pictures: WxH, or N for NxN', pictureSize, pictureSize('128'))
    .option('--fps <n>', 'pictures per second', between('--fps', 1, 120), 7)
    .option('--limit <n>', 'take only the first n clips', whole('--limit', 1, 1e9))
    .option(
      '--test <share>',
      'share of the clips that is kept for testing, 0 to 1 (default: 0.1)',
      between('--test', 0, 1),
    )
    .option('--force', 'replace a store that the folder holds')
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(data)
}

/** `768x448`, or `128` for a square, as width and height. */
function pictureSize(text: string): Options['size'] {
  const sides = text.toLowerCase().split('x').map(Number)
  const [width = NaN, height = width, more] = sides
  const good = [width, height].every((side) => Number.isInteger(side) && side >= 8 && side <= 4096)
  if (good && more === undefined) return { width, height }
  throw new UsageError(`--size is ${text}; give sides from 8 to 4096 pixels, such as 768x448, or 128 for 128x128`)
}

async function data(source: string, { json, ...options }: Options): Promise<void> {
  const started = performance.now()
  const line = new StatusLine()
  let skipped = 0
  const onProgress = (progress: BuildProgress): void => {
    const { type, name } = progress
    if (type === 'skip') {
      skipped++
      line.note(progress.reason)
    } else line.show(`${type === 'fetch' ? 'fetching' : 'reading'} ${name} ${progress.done}/${progress.total}`)
  }
  try {
    const counts = await interruptible((signal) => build(source, { ...options, onProgress, signal }), ENDING)
    line.clear()
    const seconds = Math.round(performance.now() - started) / 1000
    const report = { output: options.out, ...counts, skipped, seconds, settings: { source, ...options } }
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else for (const text of summary(counts, options.out)) line.note(text)
  } finally {
    line.clear()
  }
}

type FolderOptions = Omit<AllFolderOptions, 'folder'>

/** What a store holds: clips, those of each split, and for the emoji stills. */
interface Counts {
  readonly clips: number
  readonly splits: Readonly<Record<Split, number>>
  readonly stills?: number
}

async function build(source: string, options: FolderOptions): Promise<Counts> {
  if (options.test !== undefined && (source === 'fluent-emoji' || source === 'icons'))
    throw new UsageError(`--test is for folders of your own: how ${source} is split is fixed`)
  if (source === 'fluent-emoji') {
    const { buildFluentEmoji } = await import('../data/fluent-emoji.node.js')
    const { clips, stills } = await buildFluentEmoji(options)
    return { ...countsOf(clips), stills: stills.clips.length }
  }
  if (source === 'icons') {
    const { buildIcons } = await import('../data/icons.node.js')
    const icons = await buildIcons(options)
    return { ...countsOf(icons), clips: 0, stills: icons.clips.length }
  }
  const { buildFolder } = await import('../data/folder.node.js')
  return countsOf(await buildFolder({ ...options, folder: source }))
}

function countsOf({ clips }: StoreIndex): Counts {
  const splits = { train: 0, test: 0, reserved: 0 }
  for (const { split } of clips) splits[split]++
  return { clips: clips.length, splits }
}

/** What was made, and what it cannot be used for. */
function summary({ clips, splits, stills }: Counts, out: string): string[] {
  const parts = [
    `${splits.train} to train on`,
    `${splits.test} to test with`,
    ...(splits.reserved ? [`${splits.reserved} reserved`] : []),
  ]
  const made = [...(clips ? [`${clips} clips`] : []), ...(stills ? [`${stills} stills`] : [])].join(' and ')
  const lines = [`wrote ${made} to ${out}: ${parts.join(', ')}`]
  if (splits.train === 0) lines.push('there is none to train on: add clips, or give a smaller --test')
  if (splits.test < 2) lines.push('sfv eval needs two clips or more to test with: give a larger --test')
  return lines
}
