import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Command } from 'commander'
import { UserError } from '../errors.js'
import type { Recipe } from '../training/recipe.js'
import type { TrainEvent } from '../training/run.node.js'

/** `sfv train RECIPE.json [--resume [DIR]]`. */
export function trainCommand(): Command {
  return new Command('train')
    .description('train a network by a recipe, with checkpoints, a log and sample sheets')
    .argument('<recipe>', 'recipe file (JSON)')
    .option('-o, --out <dir>', 'folder of the run (default: runs/NAME-OF-RECIPE)')
    .option('--resume [dir]', 'go on from the newest checkpoint of the run')
    .option('--threads <n>', 'threads (default: all cores)', Number)
    .option('--json', 'print one JSON object per event')
    .action(
      async (file: string, options: { out?: string; resume?: string | boolean; threads?: number; json?: boolean }) => {
        const recipe = await readRecipe(file)
        const named = typeof options.resume === 'string' ? options.resume : options.out
        const folder = named ?? `runs/${basename(file).replace(/\.json$/, '')}`
        const { train } = await import('../training/run.node.js')
        const stop = new AbortController()
        process.once('SIGINT', () => {
          process.stderr.write('\nfinishing this step and saving; press Ctrl-C again to stop at once\n')
          process.once('SIGINT', () => process.exit(130))
          stop.abort()
        })
        await train(recipe, {
          folder,
          resume: options.resume !== undefined,
          signal: stop.signal,
          onEvent: options.json ? (event) => console.log(JSON.stringify(event)) : progress(folder),
          ...(options.threads === undefined ? {} : { threads: options.threads }),
        })
        if (stop.signal.aborted) process.exitCode = 130
      },
    )
}

async function readRecipe(file: string): Promise<Recipe> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UserError(`cannot read the recipe ${file}: ${(error as Error).message}`)
  }
  const { parseRecipe } = await import('../training/recipe.js')
  return parseRecipe(json, file)
}

/** A line for every step that stands on a terminal, and one in fifty elsewhere, with running means and the time left. */
function progress(folder: string): (event: TrainEvent) => void {
  let means: Record<string, number> = {}
  let total = 0
  return (event) => {
    if (event.type === 'started') {
      total = event.steps
      console.error(`${folder}: step ${event.step} of ${total}`)
    } else if (event.type === 'sampled') console.error(`\nsamples: ${event.file}`)
    else if (event.type === 'finished')
      console.error(event.output ? `\nwrote ${event.output}` : `\nstopped at step ${event.step}`)
    else if (event.type === 'step') {
      const now = { ...event.metrics, 's/step': event.seconds }
      means = Object.fromEntries(Object.entries(now).map(([k, v]) => [k, k in means ? 0.95 * means[k]! + 0.05 * v : v]))
      const left = Math.round(((total - event.step) * means['s/step']!) / 60)
      const numbers = Object.entries(means).map(([name, value]) => `${name} ${value.toPrecision(4)}`)
      const line = `${event.step}/${total}  ${numbers.join('  ')}  ${left} min left`
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns)}`)
      else if (event.step % 50 === 0 || event.step === 1) console.error(line)
    }
  }
}
