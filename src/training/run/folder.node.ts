import { mkdir, readFile, rm, truncate } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { writeFileAtomic } from '../../runtime/files.node.js'
import { parseRecipe, type Recipe } from '../recipe/index.js'
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
  'output',
])

/** A run's folder: recipe.json, log.jsonl, samples/, tensorboard/, checkpoints/. */
export class RunFolder {
  readonly checkpoints: Checkpoints
  readonly recipeFile: string
  readonly log: string
  readonly samples: string
  readonly tensorboard: string
  private readonly owner: string

  constructor(readonly path: string) {
    this.checkpoints = new Checkpoints(join(path, 'checkpoints'))
    this.recipeFile = join(path, 'recipe.json')
    this.log = join(path, 'log.jsonl')
    this.samples = join(path, 'samples')
    this.tensorboard = join(path, 'tensorboard')
    this.owner = join(path, 'running')
  }

  /**
   * Checks that the folder holds no run, or, to resume, a run of this recipe; returns what has changed in it.
   *
   * @throws UserError when it holds a run and `resume` is false, or one of another recipe.
   */
  async check(recipe: Recipe, resume: boolean): Promise<string[]> {
    const text = await readFile(this.recipeFile, 'utf8').catch(() => undefined)
    if (text === undefined) return []
    if (!resume)
      throw new UserError(`${this.path} already holds a run; add --resume to go on with it, or choose another folder`)
    const [before, after] = [flat(parseRecipe(JSON.parse(text), this.recipeFile)), flat(recipe)]
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
    if (host === hostname() && Number(pid) !== process.pid && isAlive(Number(pid)))
      throw new UserError(`process ${pid} is training in ${this.path}; stop it first, or remove ${this.owner}`)
    await writeFileAtomic(this.owner, `${hostname()} ${process.pid}\n`)
    await mkdir(this.samples, { recursive: true })
    await writeFileAtomic(this.recipeFile, `${JSON.stringify(recipe, null, 2)}\n`)
    await this.checkpoints.clean()
  }

  /** Lets other processes have the folder. */
  async release(): Promise<void> {
    await rm(this.owner, { force: true })
  }

  /** Cuts the log's lines after `step`: steps that were taken after the checkpoint and are taken again. */
  async keepLogUntil(step: number): Promise<void> {
    const text = await readFile(this.log, 'utf8').catch(() => '')
    const kept = text
      .split('\n')
      .filter((line) => line.endsWith('}') && (JSON.parse(line) as { step: number }).step <= step)
    const length = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''))
    if (text !== '') await truncate(this.log, length)
  }
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
