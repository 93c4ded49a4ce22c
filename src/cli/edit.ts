import { Command } from 'commander'
import type { CheckedEdit } from '../pipeline/settings.js'
import { withClipOptions, type ClipOptions } from './clip-command.js'
import { makeClips } from './make-clips.js'
import { numeric, UsageError } from './options.js'
import { STANDARD } from './output-names.js'
import { withClipFile } from './standard-clip.js'

const EXAMPLES = `
Examples:
  sfv edit clip.webp --first-frame painted.png -o new.webp
                                                       carry what was painted through the clip, in one forward
  sfv edit clip.mp4 --first-frame other.png --strength 0.8 -o new.mp4
                                                       another figure, and a new motion for it

Up to a strength of a third the clip's layout and motion stay; above, only its first frame counts. Of a longer clip the
first frames are taken, at the rate of --fps. Videos are read by the ffmpeg on PATH.`

interface EditCommandOptions extends ClipOptions {
  readonly firstFrame: string
  readonly strength: number
}

/** `sfv edit VIDEO --first-frame IMAGE --strength S -o OUT`. */
export function editCommand(): Command {
  const command = new Command('edit')
    .description("carry a change of a clip's first frame through the clip")
    .argument('<clip>', 'animated WebP, GIF or PNG, a video, or a folder/ of frames; - is standard input')
    .requiredOption('--first-frame <image>', 'picture file: the first frame, changed; - is standard input')
    .requiredOption('-o, --out <file>', 'clip to write; - is standard output')
    .option('--strength <s>', 'how much of the clip may change, 0 to 1', numeric, 0.3)
  return withClipOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((clip: string, { firstFrame, ...options }: EditCommandOptions) => {
      if (clip === STANDARD && firstFrame === STANDARD)
        throw new UsageError('the clip and --first-frame are both -; give the path of one of them')
      return makeClips<CheckedEdit>(
        { pictures: [firstFrame], others: [clip] },
        options,
        'editSchema',
        (sfv, picture, settings, own) => withClipFile(clip, (path) => sfv.edit(path, picture, { ...settings, ...own })),
      )
    })
}
