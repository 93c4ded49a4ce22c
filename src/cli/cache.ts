import { Command } from 'commander'

const EXAMPLES = `
Examples:
  sfv cache            the folder, and how many bytes each part of it takes
  sfv cache --clear    remove the optimised graphs, which are made again when they are needed

Downloaded models and data stay: remove their folders yourself. $SFV_CACHE names another folder.`

/** `sfv cache`. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('show what is kept to start faster, or remove it')
    .option('--clear', 'remove the optimised graphs')
    .option('--json', 'print it as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(cache)
}

async function cache({ clear, json }: { readonly clear?: true; readonly json?: true }): Promise<void> {
  const { cacheFolder, cacheParts, clearGraphs } = await import('../runtime/cache-folder.node.js')
  const folder = cacheFolder()
  if (clear) await clearGraphs(folder)
  const parts = await cacheParts(folder)
  if (json) return void process.stdout.write(`${JSON.stringify({ folder, parts })}\n`)
  const lines = Object.entries(parts).map(
    ([name, bytes]) => `${`${(bytes / 1e6).toFixed(1)} MB`.padStart(12)}  ${name}\n`,
  )
  process.stdout.write(`${folder}${lines.length === 0 ? ' is empty' : ''}\n${lines.join('')}`)
}
