import { basename } from 'node:path'
import { Command } from 'commander'
import type { TrainEvent } from '../training/run.node.js'
import { interruptible } from './interrupt.js'
import { between } from './options.js'
import { StatusLine } from './progress.js'

const EXAMPLES = `
Examples:
  sfv train recipes/fluent/vae.json                    into runs/vae: log.jsonl, samples/, checkpoints/
  sfv train recipes/fluent/sfv.json -o runs/first      into a folder of your choice
  sfv train recipes/fluent/sfv.json --resume runs/first
                                                       go on, bit for bit, where that run was stopped or killed

Ctrl-C finishes the step at hand and saves.`

interface Options {
  readonly out?: string
  readonly resume?: string | true
  readonly threads?: number
  readonly json?: true
}

/** `sfv train RECIPE.json`. */
export function trainCommand(): Command {
  return new Command('train')
    .description('train a network by a recipe')
    .argument('<recipe>', 'recipe file (JSON); recipes/ has examples')
    .option('-o, --out <folder>', 'folder of the run (default: runs/ and the name of the recipe)')
    .option('--resume [folder]', 'go on from the newest checkpoint of the run')
    .option('--threads <n>', 'threads (default: all cores)', between('--threads', 1, 1024))
    .option('--json', 'print one JSON object per event')
    .addHelpText('after', EXAMPLES)
    .action(train)
}

async function train(file: string, { out, resume, threads, json }: Options): Promise<void> {
  const { readRecipe } = await import('../training/recipe/read.node.js')
  const recipe = await readRecipe(file)
  const folder = (typeof resume === 'string' ? resume : out) ?? `runs/${basename(file).replace(/\.json$/, '')}`
  const { train } = await import('../training/run.node.js')
  const onEvent = json
    ? (event: TrainEvent) => console.log(JSON.stringify(event))
    : progressTo(new StatusLine(), folder)
  await interruptible(async (signal) => {
    await train(recipe, { folder, resume: resume !== undefined, threads, signal, onEvent })
    if (signal.aborted) process.exitCode = 130
  })
}

/** Steps between the lines that are left standing where there is no terminal. */
const LINE_EVERY = 50
/** Weight of the past in the running means that are shown. */
const INERTIA = 0.95

/** Shows running means of the metrics, and how long it will take. */
function progressTo(line: StatusLine, folder: string): (event: TrainEvent) => void {
  let means: Record<string, number> = {}
  let steps = 0
  return (event) => {
    switch (event.type) {
      case 'started':
        steps = event.steps
        return line.note(`${folder}: from step ${event.step} to ${steps}`)
      case 'step': {
        const now: Record<string, number> = { ...event.metrics, 's/step': event.seconds }
        means = Object.fromEntries(
          Object.entries(now).map(([name, value]) => [name, INERTIA * (means[name] ?? value) + (1 - INERTIA) * value]),
        )
        const numbers = Object.entries(means).map(([name, value]) => `${name} ${value.toPrecision(4)}`)
        const minutes = Math.ceil(((steps - event.step) * means['s/step']!) / 60)
        const text = `${event.step}/${steps}  ${minutes} min left  ${numbers.join('  ')}`
        return event.step % LINE_EVERY === 0 || event.step === 1 ? line.note(text) : line.show(text)
      }
      case 'saved':
        return undefined
      case 'sampled':
        return line.note(`samples: ${event.file}`)
      case 'finished':
        return line.note(event.output ? `wrote ${event.output}` : `stopped after step ${event.step}; --resume goes on`)
    }
  }
}
