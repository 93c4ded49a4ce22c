import { appendFile, mkdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { writeSheet } from '../media/sheet.node.js'
import { nodeEngine } from '../runtime/engine.node.js'
import { alone } from '../runtime/group.js'
import { writeFileAtomic } from '../runtime/files.node.js'
import { restoreState, saveState } from './checkpoints.node.js'
import { type Recipe } from './recipe/index.js'
import { type Sample } from './task.js'
import { openTask } from './tasks/open.node.js'

/** What a run tells while it goes. */
export type TrainEvent =
  | { readonly type: 'started'; readonly step: number; readonly steps: number }
  | {
      readonly type: 'step'
      readonly step: number
      readonly seconds: number
      readonly metrics: Readonly<Record<string, number>>
    }
  | { readonly type: 'saved'; readonly step: number }
  | { readonly type: 'sampled'; readonly file: string }
  | { readonly type: 'finished'; readonly step: number; readonly output?: string }

/** How to run a recipe. */
export interface TrainOptions {
  /** Folder of the run: recipe.json, log.jsonl, checkpoints/, samples/. */
  readonly folder: string
  /** Goes on from the newest checkpoint of the folder; without it the folder must not hold a run. */
  readonly resume?: boolean
  readonly threads?: number | undefined
  /** When aborted, the step at hand is finished and saved. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: TrainEvent) => void
}

/**
 * Trains by a recipe, from the start or from the newest checkpoint, and writes the finished component to the recipe's
 * output. What a step does follows from (seed, step) and the saved state alone: a run that was killed and resumed ends
 * with the very weights of one that was not.
 *
 * @throws UserError when the folder holds another run, or the loss is no longer finite (the last good state is kept).
 */
export async function train(recipe: Recipe, options: TrainOptions): Promise<void> {
  const { folder, signal, onEvent = () => undefined } = options
  await checkFolder(folder, recipe, options.resume ?? false)
  const engine = nodeEngine({ ...(options.threads === undefined ? {} : { threads: options.threads }) })
  const task = await openTask(recipe, engine, alone)
  const checkpoints = join(folder, 'checkpoints')
  const log = join(folder, 'log.jsonl')
  try {
    await claimFolder(folder, recipe)
    let step = options.resume ? await restoreState(checkpoints, task.learners) : 0
    await keepLogUntil(log, step)
    onEvent({ type: 'started', step, steps: recipe.steps })
    while (step < recipe.steps && !signal?.aborted) {
      step += 1
      task.drawn.length = 0
      const before = performance.now()
      const metrics = await task.step(step)
      const seconds = (performance.now() - before) / 1000
      const bad = Object.entries(metrics).find(([, value]) => !Number.isFinite(value))
      if (bad)
        throw new UserError(
          `step ${step}: ${bad[0]} is ${bad[1]}; the last good state is in ${checkpoints}, lower optimizer.learningRate and resume`,
        )
      await appendFile(log, `${JSON.stringify({ step, seconds, ...metrics })}\n`)
      onEvent({ type: 'step', step, seconds, metrics })
      const last = step === recipe.steps || signal?.aborted
      if (step % recipe.checkpointEvery === 0 || last) {
        await saveState(checkpoints, step, task.learners)
        onEvent({ type: 'saved', step })
      }
      if (step % recipe.sampleEvery === 0 || step === recipe.steps) {
        const file = join(folder, 'samples', `step-${String(step).padStart(7, '0')}.png`)
        await writeSheet(file, sheetRows(await task.sample()))
        onEvent({ type: 'sampled', file })
      }
    }
    if (step >= recipe.steps) {
      await task.export()
      onEvent({ type: 'finished', step, output: recipe.output })
    } else onEvent({ type: 'finished', step })
  } finally {
    await task.close()
  }
}

const sheetRows = (samples: readonly Sample[]) =>
  samples.flatMap(({ reference, frames }) => (reference === undefined ? [frames] : [reference, frames]))

const recipeText = (recipe: Recipe) => `${JSON.stringify(recipe, null, 2)}\n`

/** Checks that the folder holds no run, or, to resume, a run of this very recipe. */
async function checkFolder(folder: string, recipe: Recipe, resume: boolean): Promise<void> {
  const file = join(folder, 'recipe.json')
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined && !resume)
    throw new UserError(`${folder} already holds a run; add --resume to go on with it, or choose another folder`)
  if (known !== undefined && known !== recipeText(recipe))
    throw new UserError(`${file} differs from the recipe given; resume with the recipe that the run was started with`)
}

/** Makes the run's folder, once its recipe has proved to be one that can run. */
async function claimFolder(folder: string, recipe: Recipe): Promise<void> {
  await mkdir(join(folder, 'samples'), { recursive: true })
  await writeFileAtomic(join(folder, 'recipe.json'), recipeText(recipe))
}

/** Cuts the log's lines after `step`: steps that were taken after the checkpoint and are taken again. */
async function keepLogUntil(log: string, step: number): Promise<void> {
  const text = await readFile(log, 'utf8').catch(() => '')
  const kept = text
    .split('\n')
    .filter((line) => line.endsWith('}') && (JSON.parse(line) as { step: number }).step <= step)
  const length = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''))
  if (text !== '') await truncate(log, length)
}
