import { readFile, rm, truncate } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../../errors.js'
import { makeFolder, writeFileAtomic } from '../../runtime/files.node.js'
import { cannotRead } from '../../weights/checkpoint-files.node.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { type JsonObject } from '../../weights/json.js'
import { type Recipe } from '../objectives/registry.node.js'
import { parseRecipe } from '../recipe/parse.node.js'
import { Checkpoints } from './checkpoints.node.js'

/** Fields that a resumed run may change: they are no part of its state, nor of what it has done. */
const CHANGEABLE = new Set([
  '$schema',
  'steps',
  'warmup',
  'decay',
  'maxGradientNorm',
  'optimizer.learningRate',
  'headsOptimizer.learningRate',
  'checkpointEvery',
  'keepCheckpoints',
  'keepEvery',
  'sampleEvery',
  'processes',
  'output',
])

/** A run's folder: recipe.json, log.jsonl, samples/, tensorboard/, checkpoints/, and written.json when it is done. */
export class RunFolder {
  readonly checkpoints: Checkpoints
  readonly recipeFile: string
  readonly log: string
  readonly samples: string
  readonly tensorboard: string
  private readonly owner: string
  private readonly written: string

  constructor(readonly path: string) {
    this.checkpoints = new Checkpoints(join(path, 'checkpoints'))
    this.recipeFile = join(path, 'recipe.json')
    this.log = join(path, 'log.jsonl')
    this.samples = join(path, 'samples')
    this.tensorboard = join(path, 'tensorboard')
    this.owner = join(path, 'running')
    this.written = join(path, 'written.json')
  }

  /**
   * Checks that the folder holds no run, or, to resume, a run of this recipe; returns what has changed in it.
   *
   * @throws UserError when it holds a run and `resume` is false, none and `resume` is true, or one of another recipe.
   */
  async check(recipe: Recipe, resume: boolean): Promise<string[]> {
    const text = await readText(this.recipeFile)
    if (text === undefined && resume)
      throw new UserError(
        `${this.path} holds no run to go on with; leave out --resume to start one, or name its folder`,
      )
    if (text === undefined) return []
    if (!resume)
      throw new UserError(`${this.path} already holds a run; add --resume to go on with it, or choose another folder`)
    const [before, after] = [flat(parseRecipe(await readJsonFile(this.recipeFile), this.recipeFile)), flat(recipe)]
    const fields = [...new Set([...before.keys(), ...after.keys()])].filter(
      (name) => before.get(name) !== after.get(name),
    )
    const forbidden = fields.find((field) => !CHANGEABLE.has(field))
    if (forbidden !== undefined)
      throw new UserError(
        `${this.recipeFile} differs from the recipe given in ${forbidden}; resume with the recipe that the run was started with, or start another run`,
      )
    return fields.map((field) => `${field}: ${before.get(field) ?? 'none'} -> ${after.get(field) ?? 'none'}`)
  }

  /**
   * Makes the run's folder, once its recipe has proved to be one that can run, and takes it for this process.
   *
   * @throws UserError when another process of this machine is at work in it.
   */
  async claim(recipe: Recipe): Promise<void> {
    const owner = await readFile(this.owner, 'utf8').catch(() => '')
    const [host, pid] = owner.trim().split(' ')
    if (host === hostname() && Number(pid) !== process.pid && !(await endsSoon(Number(pid))))
      throw new UserError(`process ${pid} is training in ${this.path}; stop it first, or remove ${this.owner}`)
    await writeFileAtomic(this.owner, `${hostname()} ${process.pid}\n`)
    await makeFolder(this.samples)
    await writeFileAtomic(this.recipeFile, `${JSON.stringify(recipe, null, 2)}\n`)
    await this.checkpoints.clean()
  }

  /** Lets other processes have the folder. */
  async release(): Promise<void> {
    await rm(this.owner, { force: true })
  }

  /**
   * Whether this run has written the component in `folder`, whose weights have the SHA-256 `sum`, or was stopped while it wrote it.
   */
  async hasWritten(folder: string, sum: string): Promise<boolean> {
    const sums = await this.sums()
    return sums[resolve(folder)] === UNDER_WAY || Object.values(sums).includes(sum)
  }

  /** Notes that a component is about to be written. */
  noteWriting(folder: string): Promise<void> {
    return this.noteWritten(folder, UNDER_WAY)
  }

  /** Notes that a component was written, and the SHA-256 of its weights. */
  async noteWritten(folder: string, sum: string): Promise<void> {
    const sums = { ...(await this.sums()), [resolve(folder)]: sum }
    await writeFileAtomic(this.written, `${JSON.stringify(sums, null, 2)}\n`)
  }

  /** SHA-256 of the weights that this run has written, by their folder. */
  private async sums(): Promise<JsonObject> {
    return readJsonFile(this.written).catch(() => ({}))
  }

  /** Cuts the log's lines after `step`: steps that were taken after the checkpoint and are taken again. */
  async keepLogUntil(step: number): Promise<void> {
    const text = (await readText(this.log)) ?? ''
    const kept = text.split('\n').filter((line) => (parseLogLine(line)?.step ?? Infinity) <= step)
    const length = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''))
    if (text !== '') await truncate(this.log, length)
  }
}

/** A step's line of log.jsonl. */
export type LogLine = Readonly<Record<string, number>> & { readonly step: number }

/** What a line of the log says; undefined of one that was cut short, as the last one of a run under way may be. */
export function parseLogLine(line: string): LogLine | undefined {
  try {
    const value = JSON.parse(line) as LogLine | null
    return typeof value?.step === 'number' ? value : undefined
  } catch {
    return undefined
  }
}

/** In the place of a sum: the weights are being written. */
const UNDER_WAY = 'under way'

/**
 * The text of a file; undefined where there is none.
 *
 * @throws UserError when it is there and cannot be read.
 */
async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw cannotRead(file, error)
  })
}

/** How long a run that is started again waits for the one before it to end, and how often it looks, in milliseconds. */
const [PATIENCE, GLANCE] = [3000, 50]

/** Whether a process of this machine has ended, or does so within moments: a launcher may return before those that it has killed. */
async function endsSoon(pid: number): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE && isAlive(pid); waited += GLANCE) await sleep(GLANCE)
  return !isAlive(pid)
}

/** Whether a process of this machine is there; one that was killed is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A recipe's fields by path (one level of objects), as JSON. */
function flat(recipe: object): Map<string, string> {
  const entries = Object.entries(recipe).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && name !== 'network'
      ? Object.entries(value).map(([inner, member]) => [`${name}.${inner}`, JSON.stringify(member)] as const)
      : [[name, JSON.stringify(value)] as const],
  )
  return new Map(entries.filter(([, value]) => value !== undefined))
}
