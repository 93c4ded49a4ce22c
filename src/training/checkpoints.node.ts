import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../errors.js'
import { Checkpoint, saveCheckpoint } from '../weights/checkpoint.node.js'
import { type Learner } from './learner.js'

const STATE = 'state.json'
const NAME = /^step-(\d{7})$/
/** Checkpoints kept of a run: the newest, and one before it. */
const KEPT = 2

/** A learner's vectors by name: what must be saved to go on bit for bit. */
function vectors(learner: Learner): Record<string, Float32Array> {
  const slots = Object.entries(learner.slots).map(([name, { values }]) => [`slot.${name}`, values] as const)
  return { parameters: learner.parameters, average: learner.average, ...Object.fromEntries(slots) }
}

/**
 * Saves all learners after step `step`: written into a folder beside, which takes its final name when it is whole. Older
 * checkpoints go once the new one stands.
 */
export async function saveState(
  folder: string,
  step: number,
  learners: Readonly<Record<string, Learner>>,
): Promise<void> {
  const name = `step-${String(step).padStart(7, '0')}`
  const part = join(folder, `.${name}.part`)
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  for (const [learnerName, learner] of Object.entries(learners)) {
    const tensors = Object.entries(vectors(learner)).map(([name, data]) => ({ name, shape: [data.length], data }))
    await saveCheckpoint(join(part, `${learnerName}.safetensors`), tensors, { dtype: 'F32' })
  }
  const steps = Object.fromEntries(Object.entries(learners).map(([name, learner]) => [name, learner.step]))
  await writeFile(join(part, STATE), `${JSON.stringify({ step, steps })}\n`)
  await rm(join(folder, name), { recursive: true, force: true })
  await rename(part, join(folder, name))
  for (const old of (await savedSteps(folder)).slice(0, -KEPT))
    await rm(join(folder, old), { recursive: true, force: true })
}

/** Restores the newest checkpoint of a run into its learners; returns its step, or 0 where there is none. */
export async function restoreState(folder: string, learners: Readonly<Record<string, Learner>>): Promise<number> {
  const newest = (await savedSteps(folder)).at(-1)
  if (newest === undefined) return 0
  const path = join(folder, newest)
  const state = JSON.parse(await readFile(join(path, STATE), 'utf8')) as { step: number; steps: Record<string, number> }
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

/** Names of whole checkpoints, oldest first. */
async function savedSteps(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  return names.filter((name) => NAME.test(name)).sort()
}
