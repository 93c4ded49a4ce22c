import { Command } from 'commander'
import { animateCommand } from './animate.js'
import { cacheCommand } from './cache.js'
import { dataCommand } from './data.js'
import { doctorCommand } from './doctor.js'
import { editCommand } from './edit.js'
import { extendCommand } from './extend.js'
import { evalCommand } from './eval.js'
import { infoCommand } from './info.js'
import { initCommand } from './init.js'
import { manifestCommand } from './manifest.js'
import { mergeCommand } from './merge.js'
import { pullCommand } from './pull.js'
import { reportCommand } from './report.js'
import { serveCommand } from './serve.js'
import { stickersCommand } from './stickers.js'
import { trainCommand } from './train.js'
import { workerCommand } from './worker.js'
import { packageVersion } from '../weights/packaged.node.js'

/** The whole command line. Modules that do the work are loaded by the command that runs. */
export function sfvCommand(): Command {
  const program = new Command('sfv')
    .description('single-forward image-to-video: make clips of pictures, train and distil Stable Video Diffusion')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
  for (const command of [
    animateCommand(),
    dataCommand(),
    trainCommand(),
    reportCommand(),
    evalCommand(),
    infoCommand(),
    initCommand(),
    pullCommand(),
    manifestCommand(),
    mergeCommand(),
    editCommand(),
    extendCommand(),
    stickersCommand(),
    serveCommand(),
    workerCommand(),
    doctorCommand(),
    cacheCommand(),
  ])
    program.addCommand(command)
  // Subcommands that are added ready-made do not inherit how errors are handled.
  const outputError = (text: string, write: (text: string) => void) => write(asMessage(text))
  for (const command of [program, ...program.commands])
    command.exitOverride().showHelpAfterError(false).configureOutput({ outputError })
  return program
}

/** What commander says of a mistake, as the one sentence that all others are told in. */
function asMessage(text: string): string {
  return `sfv: ${text
    .replace(/^error: /, '')
    .trim()
    .replace(/\n/g, ' ')}\n`
}
