import { Option, type Command } from 'commander'
import type { Clip } from '../media/clip.node.js'
import type { AnimateProgress } from '../pipeline/progress.js'
import type { Precision } from '../pipeline/device-traits.js'
import type { ImageToVideo } from '../pipeline/pretrained.node.js'
import type { CheckedEdit, CheckedSettings } from '../pipeline/settings.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import { interruptible } from './interrupt.js'
import { asUsage, deviceOption, memoryAmount, numeric, parseGuidance, parseSize } from './options.js'
import { StageMeter, StatusLine } from './progress.js'

/** Which options messages speak of, by setting. */
const FLAGS: Readonly<Record<string, string>> = {
  noiseAug: '--noise-aug',
  width: 'the width of --size',
  height: 'the height of --size',
  minGuidance: 'the first scale of --guidance',
  maxGuidance: 'the last scale of --guidance',
}

/** The options of commands that make a clip. */
export interface ClipOptions {
  readonly out: string
  readonly model: string
  readonly steps: number
  readonly sampler?: 'euler' | 'consistency'
  readonly frames?: number
  readonly fps: number
  readonly motion?: number
  readonly noiseAug: number
  readonly size?: { width: number; height: number }
  readonly guidance?: { minGuidance: number; maxGuidance: number }
  readonly seed?: number
  readonly fit: 'cover' | 'contain' | 'stretch'
  readonly device: DeviceChoice
  readonly precision: Precision
  readonly memory?: number
  readonly generator: 'sfv' | 'torch'
  readonly loop?: true
  readonly json?: true
}

/** Adds the options of a clip to a command that has its arguments. */
export function withClipOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--model <model>', 'model folder in the layout of diffusers, or a hub id').default(
        'fluent',
        'the bundled one',
      ),
    )
    .option('--steps <n>', 'forward passes: 1 uses the student, more the teacher', numeric, 1)
    .addOption(
      new Option('--sampler <name>', "how several steps are taken (default: as the model's scheduler says)").choices([
        'euler',
        'consistency',
      ]),
    )
    .option('--frames <n>', 'frames of the clip (default: as the model was trained)', numeric)
    .option('--fps <n>', 'pictures per second', numeric, 7)
    .option('--motion <n>', 'how much shall move, 0 to 255 (default: as the model says, else 127)', numeric)
    .option('--noise-aug <s>', 'noise on the picture: more frees the motion from it', numeric, 0.02)
    .option('--size <WxH>', 'size in pixels (default: as the model was trained)', parseSize)
    .addOption(
      new Option(
        '--guidance <first:last>',
        'guidance scale of the first and the last frame, for several steps (default: as the model says, else 1:3, of a consistency model 1:1.5)',
      ).argParser(parseGuidance),
    )
    .option('--seed <n>', 'whole number that all randomness comes from (default: another each time)', numeric)
    .addOption(
      new Option('--fit <how>', 'a picture of another shape: its middle, all of it on white, or distorted')
        .choices(['cover', 'contain', 'stretch'])
        .default('cover'),
    )
    .addOption(deviceOption())
    .addOption(
      new Option('--precision <type>', 'of the arithmetic; auto: float16 on accelerators that have it, else float32')
        .choices(['auto', 'float32', 'float16'])
        .default('auto'),
    )
    .option('--memory <amount>', 'most memory to use, such as 8GB (default: what is free)', memoryAmount)
    .addOption(
      new Option('--generator <name>', 'how a seed becomes noise; torch: as in diffusers with that seed')
        .choices(['sfv', 'torch'])
        .default('sfv'),
    )
    .option('--loop', 'close the clip, so that its last frame leads to its first (one more forward)')
    .option('--json', 'print what was done as one JSON object')
}

/** What a command does with an open model. */
export type Make<T> = (
  sfv: ImageToVideo,
  settings: T & { readonly onProgress: (progress: AnimateProgress) => void },
) => Promise<Clip>

/**
 * Makes a clip and writes it, with progress and a report.
 *
 * @param schema the name of what the settings are checked with, which is loaded late
 * @throws UsageError when an option is wrong, UserError when the clip cannot be made or written.
 */
export async function makeClip<T extends CheckedSettings | CheckedEdit>(
  { out, model, device, precision, size, guidance, memory, json, ...rest }: ClipOptions,
  schema: 'settingsSchema' | 'editSchema',
  make: Make<T>,
): Promise<void> {
  const started = performance.now()
  const schemas = await import('../pipeline/settings.js')
  const asked = { ...rest, ...size, ...guidance }
  const settings = asUsage(() =>
    schemas.parseSettings(asked, (name) => FLAGS[name] ?? `--${name}`, schemas[schema]),
  ) as T
  const { checkOutput } = await import('../media/output.node.js')
  await checkOutput(out)
  const { ImageToVideo } = await import('../pipeline/pretrained.node.js')

  const line = new StatusLine()
  const meter = new StageMeter(line)
  try {
    const sfv = await ImageToVideo.fromPretrained(model, {
      device,
      precision,
      memory,
      lowMemory: true,
      onPull: ({ file, done, total }) => line.show(`fetching ${file}, ${((100 * done) / total).toFixed(0)} %`),
      optimize: settings.steps > 1,
      // A thread takes time to start, and nothing else is to be done meanwhile.
      worker: false,
    })
    // Nothing is written yet, so Ctrl-C may end the process on the spot: a handler would wait for a network to finish.
    const clip = await make(sfv, { ...settings, onProgress: meter.report })
    const files = await interruptible((signal) => clip.save(out, { signal }))
    meter.at('save', 1, 1)
    line.clear()
    const milliseconds = performance.now() - started
    if (json)
      printReport(files, clip, { ...settings, model, device, precision }, { ...meter.timings, total: milliseconds })
    else {
      const what = files.length === 1 ? files[0] : `${files.length} files, ${files[0]} the first,`
      line.note(`wrote ${what} in ${(milliseconds / 1000).toFixed(1)} s (seed ${clip.metadata['seed']})`)
    }
  } finally {
    line.clear()
  }
}

function printReport(
  output: readonly string[],
  { frames: { width, height, count }, metadata }: Clip,
  settings: object,
  timings: Readonly<Record<string, number>>,
): void {
  const seed = Number(metadata['seed'])
  const milliseconds = Object.fromEntries(Object.entries(timings).map(([stage, time]) => [stage, Math.round(time)]))
  const motion = Number(metadata['motion'])
  const complete = { ...settings, seed, motion, frames: count, width, height }
  process.stdout.write(`${JSON.stringify({ output, seed, milliseconds, settings: complete })}\n`)
}
