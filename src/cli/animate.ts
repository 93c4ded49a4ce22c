import { Command } from 'commander'
import type { CheckedSettings } from '../pipeline/settings.js'
import { makeClip, withClipOptions, type ClipOptions } from './clip-command.js'

const EXAMPLES = `
Examples:
  sfv animate cat.png -o cat.webp                      a clip in one forward pass, with the bundled model
  sfv animate cat.png -o cat.mp4 --seed 7 --motion 180 more motion, and the same clip each time
  sfv animate cat.png -o cat.gif --steps 25            classic Stable Video Diffusion with guidance 1 to 3
  sfv animate cat.png -o frames/ --model svd --size 1024x576
                                                       PNG frames, with a model of your own

The ending of OUT chooses the format: .mp4 .webm .webp .gif .apng, .png or a folder/ for frames.`

/** `sfv animate IMAGE -o OUT`. */
export function animateCommand(): Command {
  const command = new Command('animate')
    .description('make a clip of a picture')
    .argument('<image>', 'picture file: PNG, JPEG, WebP, GIF, AVIF or TIFF')
    .requiredOption('-o, --out <file>', 'clip to write')
  return withClipOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((image: string, options: ClipOptions) =>
      makeClip<CheckedSettings>(options, 'settingsSchema', (sfv, settings) => sfv.animate(image, settings)),
    )
}
