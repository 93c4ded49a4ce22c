import { Command } from 'commander'
import type { CheckedExtend } from '../pipeline/settings.js'
import { withClipOptions, type ClipOptions } from './clip-command.js'
import { makeClips } from './make-clips.js'
import { numeric } from './options.js'
import { withClipFile } from './standard-clip.js'

const EXAMPLES = `
Examples:
  sfv extend clip.webp -n 3 -o long.webp               three clips more, each on the last frames of the one before
  sfv extend clip.mp4 -n 3 --loop -o loop.mp4          the last of them leads back to the clip's first frame
  sfv extend clip.webp --end asleep.png -o nap.webp    the last of them ends with a picture

The clip's own frames stay as they are, in the model's size. Colours and sharpness are held to its first frame; how far they have
drifted in the last clip is told, and stands in --json (docs/control.md). \`sfv animate --seconds 8\` does the same with a picture.
An end frame and a loop take further forwards in the last clip alone, as with \`sfv animate\`. Videos are read by the ffmpeg on PATH.`

interface ExtendCommandOptions extends ClipOptions {
  readonly links: number
  readonly end?: string
}

/** `sfv extend CLIP -n N -o OUT`. */
export function extendCommand(): Command {
  const command = new Command('extend')
    .description('make a clip longer, by clips on its last frames')
    .argument('<clip>', 'animated WebP, GIF or PNG, a video, or a folder/ of frames; - is standard input')
    .requiredOption('-o, --out <file>', 'clip to write; - is standard output')
    .option('-n, --links <n>', 'clips that are put to its end', numeric, 1)
    .option('--end <image>', 'picture file that the last of them ends with')
  return withClipOptions(command, { rate: "the clip's own" })
    .addHelpText('after', EXAMPLES)
    .action((clip: string, { end, ...options }: ExtendCommandOptions) => {
      const further = end === undefined ? {} : { end }
      return makeClips<CheckedExtend>(
        { pictures: [clip], areClips: true, others: Object.values(further) },
        options,
        'extendSchema',
        (sfv, _, settings, own) => withClipFile(clip, (path) => sfv.extend(path, { ...settings, ...further, ...own })),
      )
    })
}
