import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { parseLogLine, RunFolder, type LogLine } from '../trainer/run-folder.node.js'

/** Samples of a step: a picture file, moving where the run made it so. */
export interface RunSample {
  readonly step: number
  readonly file: string
  readonly bytes: Uint8Array
}

/** What a run's folder tells. */
export interface RunData {
  readonly name: string
  readonly recipe: Readonly<Record<string, unknown>>
  readonly log: readonly LogLine[]
  readonly samples: readonly RunSample[]
  /** Step of the newest checkpoint, where there is one. */
  readonly checkpoint: number | undefined
  /** When the log was last written. */
  readonly updated: Date
}

/** Steps whose samples are shown, spread evenly, the first and the last among them. */
const SHOWN = 9
const SAMPLE = /^step-(\d+)\.(webp|png)$/

/**
 * Reads a run's folder, one that is under way as well.
 *
 * @throws UserError when the folder holds no run.
 */
export async function readRun(path: string): Promise<RunData> {
  const folder = new RunFolder(path)
  const recipe = await readFile(folder.recipeFile, 'utf8').catch(() => undefined)
  const log = await readFile(folder.log, 'utf8').catch(() => undefined)
  if (recipe === undefined || log === undefined)
    throw new UserError(`${path} holds no training run (recipe.json and log.jsonl); give the folder of one`)
  return {
    name: basename(resolve(path)),
    recipe: await readJsonFile(folder.recipeFile),
    log: log.split('\n').flatMap((line) => parseLogLine(line) ?? []),
    samples: await readSamples(folder.samples),
    checkpoint: (await folder.checkpoints.steps()).at(-1),
    updated: (await stat(folder.log)).mtime,
  }
}

async function readSamples(folder: string): Promise<RunSample[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  const files = new Map<number, string>()
  // Sorted, .png comes before .webp, which replaces it.
  for (const name of names.sort()) {
    const match = SAMPLE.exec(name)
    if (match) files.set(Number(match[1]), name)
  }
  const chosen = spread([...files].sort(([a], [b]) => a - b))
  return Promise.all(
    chosen.map(async ([step, name]) => ({ step, file: name, bytes: await readFile(join(folder, name)) })),
  )
}

/** At most `SHOWN` of a list, evenly. */
function spread<T>(list: readonly T[]): T[] {
  if (list.length <= SHOWN) return [...list]
  return Array.from({ length: SHOWN }, (_, i) => list[Math.round((i * (list.length - 1)) / (SHOWN - 1))]!)
}
