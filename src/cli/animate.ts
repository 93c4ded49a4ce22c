import { Command } from 'commander'
import type { CheckedSettings } from '../pipeline/settings.js'
import { withClipOptions, type ClipOptions } from './clip-command.js'
import { makeClips } from './make-clips.js'
import { whole } from './options.js'

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
  curl URL | sfv animate - -o - --format gif > cat.gif standard input and output

The ending of OUT chooses the format: .mp4 .webm .webp .gif .apng, .png or a folder/ for frames.
Browsers show frames of 10 ms and less for 100: above 90 pictures per second, take a video.`

/** `sfv animate IMAGE... -o OUT`. */
export function animateCommand(): Command {
  const command = new Command('animate')
    .description('make a clip of a picture')
    .argument(
      '<images...>',
      'picture files, or patterns of them: PNG, JPEG, WebP, GIF, AVIF or TIFF; - is standard input',
    )
    .requiredOption('-o, --out <file>', 'clip to write; for several a folder/ or a name with {name} or {seed}')
  return withClipOptions(command)
    .option(
      '--batch <n>',
      'clips of each picture, with seeds in a row, and a contact sheet',
      whole('--batch', 1, 1000),
      1,
    )
    .addHelpText('after', EXAMPLES)
    .action((pictures: string[], { batch, ...options }: ClipOptions & { readonly batch: number }) =>
      makeClips<CheckedSettings>({ pictures, batch }, options, 'settingsSchema', (sfv, picture, settings, own) =>
        sfv.animate(picture, { ...settings, ...own }),
      ),
    )
}
