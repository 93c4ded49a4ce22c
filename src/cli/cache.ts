import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Argument, Command } from 'commander'
import { UserError } from '../errors.js'
import { cacheFolder } from '../runtime/cache-folder.node.js'
import { bytesIn } from '../runtime/files.node.js'

const EXAMPLES = `
Examples:
  sfv cache                 what lies in the cache, and where it is
  sfv cache --clear         remove the optimised graphs and the packages of pictures; they are made or fetched again
  sfv cache models --clear  remove the models that were fetched from the hub

The cache is the folder $SFV_CACHE, else \`sfv\` in the system's folder for caches.`

/** What the cache holds, each in a folder of this name. */
const PARTS = ['graphs', 'packages', 'models'] as const

type Part = (typeof PARTS)[number]

const WORDS: Readonly<Record<Part, string>> = {
  graphs: 'networks as ONNX Runtime has optimised them',
  packages: 'packages of pictures for sfv data',
  models: 'models of the hub',
}

interface Options {
  readonly clear?: true
  readonly json?: true
}

/** Files of one part, or folders of models; `bytes` of each with all that is in it. */
interface Entry {
  readonly path: string
  readonly bytes: number
}

/** `sfv cache [PART]`. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('show or clear what can be made or fetched again')
    .addArgument(
      new Argument('[part]', 'one part of the cache (default: all; to clear: all but models)').choices(PARTS),
    )
    .option('--clear', 'remove it')
    .option('--json', 'print it as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(cache)
}

async function cache(part: Part | undefined, { clear, json }: Options): Promise<void> {
  const folder = cacheFolder()
  // Models take long to fetch: they are removed by name alone.
  const chosen = part ? [part] : PARTS.filter((each) => !clear || each !== 'models')
  const found = await Promise.all(chosen.map(async (each) => ({ part: each, entries: await entriesOf(each, folder) })))
  if (clear) for (const { entries } of found) for (const { path } of entries) await remove(path)
  const parts = found.map(({ part, entries }) => ({
    part,
    entries: entries.length,
    bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
  }))
  if (json) return void process.stdout.write(`${JSON.stringify({ folder, cleared: clear ?? false, parts })}\n`)
  const lines = parts.map(({ part, entries, bytes }) => {
    const amount = `${(bytes / 1e6).toFixed(1)} MB in ${entries} ${entries === 1 ? 'entry' : 'entries'}`
    return clear ? `removed ${amount} of ${part}` : `${part.padEnd(8)}  ${amount}: ${WORDS[part]}`
  })
  process.stdout.write(`${[clear ? `${folder}:` : folder, ...lines].join('\n')}\n`)
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((error: Error) => {
    throw new UserError(`cannot remove ${path}: ${error.message}; change its permissions, or remove it yourself`)
  })
}

/** What sfv has put into a part: other files there are left alone, as SFV_CACHE may be a folder that holds more. */
async function entriesOf(part: Part, cache: string): Promise<Entry[]> {
  const folder = join(cache, part)
  if (part === 'graphs') {
    const { cachedGraphs } = await import('../runtime/graph-cache.node.js')
    return (await cachedGraphs(folder).catch(() => [])).map(({ path, size }) => ({ path, bytes: size }))
  }
  const paths =
    part === 'packages'
      ? (await namesIn(folder)).filter((name) => /\.tgz$|^\.fetch-/.test(name)).map((name) => join(folder, name))
      : await modelsIn(folder)
  return Promise.all(paths.map(async (path) => ({ path, bytes: await bytesIn(path) })))
}

/** Folders OWNER/NAME that hold a model, or one that is not whole yet. */
async function modelsIn(folder: string): Promise<string[]> {
  const owners = await namesIn(folder)
  const all = await Promise.all(
    owners.map(async (owner) => (await namesIn(join(folder, owner))).map((name) => join(folder, owner, name))),
  )
  const fetched = await Promise.all(
    all.flat().map(async (path) => {
      const names = await readdir(path, { recursive: true }).catch(() => [])
      return names.some((name) => name === 'model_index.json' || name.endsWith('.part')) ? [path] : []
    }),
  )
  return fetched.flat()
}

const namesIn = (folder: string) => readdir(folder).catch((): string[] => [])
