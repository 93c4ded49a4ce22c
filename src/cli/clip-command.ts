import { Option, type Command } from 'commander'
import { EXPORT_FORMATS, type ExportFormat } from '../media/export-settings.js'
import type { Precision } from '../svd/device-traits.js'
import type { DeviceChoice } from '../runtime/device-names.js'
import { amount, deviceOption, modelOption, numeric, parseGuidance, parseSize, whole } from './options.js'

/** The options of commands that make a clip. */
export interface ClipOptions {
  readonly out: string
  readonly model: string
  readonly steps: number
  readonly sampler?: 'euler' | 'consistency'
  readonly frames?: number
  readonly fps?: number
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
  readonly format?: ExportFormat
  readonly alpha?: 'keep' | 'white' | 'key'
  readonly limit?: number
  readonly fileSize?: number
  readonly json?: true
}

/**
 * Adds the options of a clip to a command that has its arguments.
 *
 * @param rate pictures per second unless told, or words for them
 */
export function withClipOptions(command: Command, { rate = 7 }: { readonly rate?: number | string } = {}): Command {
  const fps = new Option('--fps <n>', 'pictures per second').argParser(numeric)
  return command
    .addOption(modelOption())
    .option('--steps <n>', 'forward passes: 1 uses the student, more the teacher', numeric, 1)
    .addOption(
      new Option('--sampler <name>', "how several steps are taken (default: as the model's scheduler says)").choices([
        'euler',
        'consistency',
      ]),
    )
    .option('--frames <n>', 'frames of the clip (default: as the model was trained)', numeric)
    .addOption(typeof rate === 'number' ? fps.default(rate) : fps.default(undefined, rate))
    .option(
      '--motion <much>',
      'how much shall move: low, medium, high, or 0 to 255 (default: as the model says, else 127)',
      numeric,
    )
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
    .option('--memory <amount>', 'most memory to use, such as 8GB (default: what is free)', amount('--memory'))
    .addOption(
      new Option('--generator <name>', 'how a seed becomes noise; torch: as in diffusers with that seed')
        .choices(['sfv', 'torch'])
        .default('sfv'),
    )
    .option('--loop', 'close the clip, so that its last frame leads to its first')
    .addOption(
      new Option('--format <name>', 'of clips that go to a folder/ or to - (standard output)').choices(EXPORT_FORMATS),
    )
    .addOption(
      new Option(
        '--alpha <how>',
        "transparency: the picture's own, none, or cut out of the white ground; not in MP4, and in WebM through ffmpeg alone (default: its own where the model can)",
      ).choices(['keep', 'white', 'key']),
    )
    .option(
      '--file-size <n>',
      "longer side of the file's pictures in pixels (default: as the clip)",
      whole('--file-size', 8, 16_384),
    )
    .option(
      '--limit <amount>',
      'most bytes of the file, such as 128KB: colours, frames and size are given up until it fits',
      amount('--limit'),
    )
    .option('--json', 'print what was done as one JSON object')
}
