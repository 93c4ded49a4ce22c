import { Command } from 'commander'
import type { CheckedSettings } from '../pipeline/settings.js'
import { withClipOptions, type ClipOptions } from './clip-command.js'
import { likeness } from './like.js'
import { makeClips } from './make-clips.js'
import { numeric, parseMove, whole, type Move } from './options.js'

const EXAMPLES = `
Examples:
  sfv animate cat.png -o cat.webp                      a clip in one forward pass, with the bundled model
  sfv animate cat.png -o cat.mp4 --seed 7 --motion 180 more motion, and the same clip each time
  sfv animate cat.png -o cat.gif --steps 25            classic Stable Video Diffusion with guidance 1 to 3
  sfv animate cat.png -o frames/ --model svd --size 1024x576
                                                       PNG frames, with a model of your own
  sfv animate *.png -o clips/                          clips/NAME.webp for each picture; the model is opened once
  sfv animate *.png -o 'clips/{name}-{seed}.mp4'       names of your own
  sfv animate cat.png -o cat.webp --batch 6 --seed 1   cat-1.webp to cat-6.webp, and a contact sheet to choose from
  sfv animate cat.png -o cat.webp --batch 6 --best     the best of six, and a contact sheet with all of them
  curl URL | sfv animate - -o - --format gif > cat.gif standard input and output

How long, what is clear, and the same again (docs/control.md):
  sfv animate cat.png -o cat.webp --seconds 8          clips one on the other, held to the picture; how far they drift is told
  sfv animate cat.png -o cat.webp --seconds 8 --loop   the last of them leads back to the picture
  sfv animate cat.png -o cat.webp --alpha key          the figure cut out of its white ground
  sfv animate dog.png -o dog.webp --like cat.webp      a clip of another picture, by all settings that cat.webp has in it

How it moves (docs/control.md):
  sfv animate awake.png --end asleep.png -o nap.webp   a clip from one picture to another
  sfv animate cat.png -o cat.webp --loop               the last frame leads to the first, which stays the picture
  sfv animate cat.png -o cat.webp --move 70%,30%:70%,10%@12%
                                                       what lies around one place goes to another
  sfv animate cat.png -o cat.webp --still body.png     what is white in the mask keeps the picture's own pixels
  sfv animate cat.png -o cat.webp --moving tail.png    what is white in the mask may move, all else stands still

A model that takes an end frame or motion hints is told of them, in as many forwards as without. Any other SVD does it without
training: an end frame or a loop takes 6 forwards in place of 1, and three for each of several steps; a drag 2 in place of 1,
and two thirds of several steps; a mask alone 3 in place of 1.

The ending of OUT chooses the format: .mp4 .webm .webp .gif .apng, .png or a folder/ for frames.
Browsers show frames of 10 ms and less for 100: above 90 pictures per second, take a video.`

interface AnimateCommandOptions extends ClipOptions {
  readonly batch: number
  readonly best?: true
  readonly seconds?: number
  readonly like?: string
  readonly end?: string
  readonly move?: Move[]
  readonly still?: string
  readonly moving?: string
}

/** `sfv animate IMAGE... -o OUT`. */
export function animateCommand(): Command {
  const command = new Command('animate')
    .description('make a clip of a picture')
    .argument(
      '<images...>',
      'picture files, or patterns of them: PNG, JPEG, WebP, GIF, AVIF or TIFF; - is standard input',
    )
    .requiredOption('-o, --out <file>', 'clip to write; for several a folder/ or a name with {name} or {seed}')
    .option('--like <clip>', 'make it as this clip of sfv was made; what is told beside is told anew')
    .option('--seconds <s>', 'length of the clip: longer ones are clips of --frames, one on the other', numeric)
    .option('--end <image>', 'picture file that the clip ends with')
    .option(
      '--move <x,y:x,y@radius>',
      'drag what is around a place to another, in pixels of the picture or shares such as 50%; may be given again',
      (text: string, before: Move[] = []) => [...before, parseMove(text)],
    )
    .option('--still <mask>', 'picture file, white where the clip stands still')
    .option('--moving <mask>', 'picture file, white where the clip may move; all else stands still')
  return withClipOptions(command)
    .option(
      '--batch <n>',
      'clips of each picture, with seeds in a row, and a contact sheet',
      whole('--batch', 1, 1000),
      1,
    )
    .option('--best', 'of --batch keep the best clip alone: the least torn of those that move; the sheet shows all')
    .addHelpText('after', EXAMPLES)
    .action(async (pictures: string[], options: AnimateCommandOptions, command: Command) => {
      const { batch, best, end, still, moving, move, like, ...own } = options
      const given = { end, still, moving }
      const known = like === undefined ? undefined : await likeness(like, command, given)
      const further = Object.fromEntries(
        Object.entries({ ...known?.pictures, ...defined(given) }).filter(([, picture]) => picture !== undefined),
      )
      const others = [...Object.values(defined(given)), ...(like === undefined ? [] : [like])]
      return makeClips<CheckedSettings>(
        { pictures, batch, best: best === true, others },
        { ...own, ...known?.options, ...(move && { motions: move }) },
        'settingsSchema',
        (sfv, picture, settings, own) => sfv.animate(picture, { ...settings, ...further, ...own }),
      )
    })
}

function defined(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
