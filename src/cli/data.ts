import { Command } from 'commander'
import type { BuildOptions, BuildProgress } from '../data/build.node.js'
import { interruptible } from './interrupt.js'
import { between, UsageError, whole } from './options.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv data fluent-emoji -o data/fluent       2,106 animated emoji and 1,285 still ones (fetches 730 MB once)
  sfv data icons -o data/icons               stills of the Noto and Twemoji icons, to be moved by designed motions (fetches 5 MB)
  sfv data ~/clips -o data/mine --size 256   the videos, GIFs and WebPs of a folder and of the folders in it
  sfv data ~/clips -o data/svd --size 768x448
                                             in the size that SF-V was trained at

The store is what \`sfv train\` reads. The middle of each picture is taken, in the aspect ratio of --size; transparent pixels become white.`

interface Options {
  readonly out: string
  readonly size: { readonly width: number; readonly height: number }
  readonly fps: number
  readonly limit?: number
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
    const counts = await interruptible((signal) => build(source, { ...options, onProgress, signal }))
    line.clear()
    const seconds = Math.round(performance.now() - started) / 1000
    const report = { output: options.out, ...counts, skipped, seconds, settings: { source, ...options } }
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`)
    else {
      const made = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`)
      line.note(`wrote ${made.join(' and ')} to ${options.out}`)
    }
  } finally {
    line.clear()
  }
}

/** How many clips and stills were stored. */
async function build(source: string, options: BuildOptions): Promise<{ clips?: number; stills?: number }> {
  if (source === 'fluent-emoji') {
    const { buildFluentEmoji } = await import('../data/fluent-emoji.node.js')
    const { clips, stills } = await buildFluentEmoji(options)
    return { clips: clips.clips.length, stills: stills.clips.length }
  }
  if (source === 'icons') {
    const { buildIcons } = await import('../data/icons.node.js')
    return { stills: (await buildIcons(options)).clips.length }
  }
  const { buildFolder } = await import('../data/folder.node.js')
  return { clips: (await buildFolder({ folder: source, ...options })).clips.length }
}
