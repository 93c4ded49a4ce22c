import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { UserError } from '../../errors.js'
import { makeFolder, writeFileAtomic } from '../../runtime/files.node.js'
import { Checkpoint, saveCheckpoint } from '../../weights/checkpoint.node.js'
import { readJsonFile } from '../../weights/diffusers.node.js'
import { type Learners } from '../objectives/objective.js'
import { type Learner } from './learner.js'

const STATE = 'state.json'
const NAME = /^step-(\d{7})$/
const PART = /^\.step-\d{7}\.part$/
const nameOf = (step: number) => `step-${String(step).padStart(7, '0')}`

const stateSchema = z.object({ step: z.int().positive(), steps: z.record(z.string(), z.int().nonnegative()) })

/** Which checkpoints stay: the newest, and those at multiples of a step. */
export interface Retention {
  readonly keepCheckpoints: number
  readonly keepEvery?: number | undefined
}

/** A learner's vectors by name: what must be saved to go on bit for bit. */
export function vectors(learner: Learner): Record<string, Float32Array> {
  const slots = Object.entries(learner.slots).map(([name, { values }]) => [`slot.${name}`, values] as const)
  return { parameters: learner.parameters, average: learner.average, ...Object.fromEntries(slots) }
}

/**
 * The checkpoints of a run: weights, average and optimiser state of every learner, and where its random numbers and its
 * data stand. The latter follow from the seed and the step.
 */
export class Checkpoints {
  constructor(readonly folder: string) {}

  /**
   * Saves all learners after step `step`: written into a folder beside, which takes its final name when it is whole.
   * Older checkpoints go once the new one stands.
   */
  async save(step: number, seed: number, learners: Learners, retention: Retention): Promise<void> {
    const part = join(this.folder, `.${nameOf(step)}.part`)
    await rm(part, { recursive: true, force: true })
    await makeFolder(part)
    for (const [learnerName, learner] of Object.entries(learners)) {
      const tensors = Object.entries(vectors(learner)).map(([name, data]) => ({ name, shape: [data.length], data }))
      await saveCheckpoint(join(part, `${learnerName}.safetensors`), tensors, { dtype: 'F32' })
    }
    const steps = Object.fromEntries(Object.entries(learners).map(([name, learner]) => [name, learner.step]))
    await writeFileAtomic(join(part, STATE), `${JSON.stringify({ step, steps, random: { seed, step } })}\n`)
    await rm(join(this.folder, nameOf(step)), { recursive: true, force: true })
    await rename(part, join(this.folder, nameOf(step)))
    await this.prune(retention)
  }

  /** Restores the newest checkpoint into its learners; returns its step, or 0 where there is none. */
  async restore(learners: Learners): Promise<number> {
    const newest = (await this.steps()).at(-1)
    if (newest === undefined) return 0
    const path = join(this.folder, nameOf(newest))
    const state = await readState(join(path, STATE), Object.keys(learners))
    for (const [name, learner] of Object.entries(learners)) {
      const checkpoint = await Checkpoint.open(join(path, `${name}.safetensors`))
      for (const [vector, target] of Object.entries(vectors(learner))) {
        const values = await checkpoint.read(vector)
        if (values.length !== target.length)
          throw new UserError(
            `${path}: ${name} ${vector} has ${values.length} values, the recipe's has ${target.length}; resume with the recipe it was made with`,
          )
        target.set(values)
      }
      learner.step = state.steps[name]!
    }
    return state.step
  }

  /**
   * After step `step` came to nothing: takes away the checkpoint that it started from, as weights that have exploded
   * look finite until the next loss. Returns the step of the last good state, undefined where there is none.
   */
  async retreat(step: number): Promise<number | undefined> {
    const steps = await this.steps()
    // A single one is all there is: keep it.
    if (steps.length > 1 && steps.at(-1) === step - 1) await this.remove(steps.pop()!)
    return steps.at(-1)
  }

  /** Steps of whole checkpoints, in order. */
  async steps(): Promise<number[]> {
    return (await this.entries()).flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => a - b)
  }

  /** Removes what a killed run has left half-written. */
  async clean(): Promise<void> {
    for (const name of await this.entries())
      if (PART.test(name)) await rm(join(this.folder, name), { recursive: true, force: true })
  }

  private entries(): Promise<string[]> {
    return readdir(this.folder).catch(() => [])
  }

  private async prune({ keepCheckpoints, keepEvery = Infinity }: Retention): Promise<void> {
    const old = (await this.steps()).slice(0, -keepCheckpoints)
    for (const step of old) if (step % keepEvery !== 0) await this.remove(step)
  }

  /** Renames first, so that no half-removed folder is taken for a checkpoint. */
  private async remove(step: number): Promise<void> {
    const part = join(this.folder, `.${nameOf(step)}.part`)
    await rename(join(this.folder, nameOf(step)), part)
    await rm(part, { recursive: true, force: true })
  }
}

/** Where a checkpoint stands: its step, and the steps that each learner has taken. */
async function readState(file: string, learners: readonly string[]): Promise<z.infer<typeof stateSchema>> {
  const { data } = stateSchema.safeParse(await readJsonFile(file))
  if (data && learners.every((name) => Object.hasOwn(data.steps, name))) return data
  throw new UserError(`${file} is damaged; remove the folder it lies in, and resume from the checkpoint before`)
}

/** The first vector of learners' state that has a value which is not finite, in words; undefined where all are finite. */
export function notFiniteState(learners: Learners): string | undefined {
  for (const [name, learner] of Object.entries(learners))
    for (const [vector, values] of Object.entries(vectors(learner)))
      if (!values.every(Number.isFinite)) return `${vector} of ${name} is not finite`
  return undefined
}
