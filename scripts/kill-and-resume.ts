/**
 * Kills a training run with SIGKILL at random moments, resumes it each time, and compares its end, bit for bit, with
 * that of a run that nobody killed: `tsx scripts/kill-and-resume.ts [kills] [processes] [objective]`. Objectives are
 * those of the smoke recipes `vae` and `sfv`; of the latter it first trains the components that it starts from.
 */
import { randomInt } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Workshop } from '../test/training/support/workshop.js'

/** Longest time from a step to its kill, in milliseconds: a smoke step with its checkpoint takes less. */
const LONGEST_DELAY = 400

const [kills, ranks] = [Number(process.argv[2] ?? 20), Number(process.argv[3] ?? 1)]
const objective = process.argv[4] === 'sfv' ? 'sfv' : 'vae'
const steps = 3 * kills
const workshop = await Workshop.open()
try {
  for (const component of objective === 'sfv' ? (['vae', 'image-encoder', 'teacher'] as const) : []) {
    const batch = component === 'image-encoder' ? { batch: 4 } : {}
    await workshop.train(workshop.recipe(component, { ...batch, steps: 5 }), component)
  }
  const recipe = (folder: string) =>
    workshop.recipe(objective, { steps, checkpointEvery: 2, sampleEvery: 7, output: workshop.path(`${folder}-output`) })
  const whole = await workshop.trainApart(recipe('whole'), 'whole', { ranks })
  if (whole.code !== 0) throw new Error(whole.errors)
  let done = 0
  while (done < kills) {
    // At most three steps a life, so that the run lives long enough for all kills.
    const kill = { steps: randomInt(1, 4), delay: randomInt(LONGEST_DELAY), rank: randomInt(ranks) }
    const { code } = await workshop.trainApart(recipe('killed'), 'killed', { ranks, kill })
    if (code === 0) break
    done += 1
    const saved = (await readdir(workshop.path('killed', 'checkpoints')).catch(() => [] as string[])).sort()
    console.log(`kill ${done}: ${JSON.stringify({ ...kill, saved })}`)
  }
  const last = await workshop.trainApart(recipe('killed'), 'killed', { ranks })
  if (last.code !== 0) throw new Error(last.errors)
  const end = join('checkpoints', `step-${String(steps).padStart(7, '0')}`)
  const [expected, actual] = [await filesOf('whole', end), await filesOf('killed', end)]
  if (expected.size === 0 || actual.size !== expected.size) throw new Error('the files differ')
  for (const [name, bytes] of expected)
    if (!actual.get(name)?.equals(bytes)) throw new Error(`${name} differs between the run and the killed one`)
  console.log(
    `${done} kills of ${ranks} process(es), ${objective}: ${[...expected.keys()].join(', ')} equal, bit for bit`,
  )
} finally {
  await workshop.close()
}

/** The files of a run's last checkpoint and of what it has exported. */
async function filesOf(run: string, checkpoint: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const top of [workshop.path(run, checkpoint), workshop.path(`${run}-output`)])
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) files.set(path.slice(top.length + 1), await readFile(path))
    }
  return files
}
