/**
 * Kills a training run with SIGKILL at random moments, resumes it each time, and compares its end, bit for bit, with that of
 * a run that nobody killed: `tsx scripts/kill-and-resume.ts [kills] [processes]`.
 */
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Workshop } from '../test/training/support/workshop.js'

const [kills = 20, ranks = 1] = process.argv.slice(2).map(Number)
const steps = 3 * kills
const workshop = await Workshop.open()
try {
  const recipe = (folder: string) =>
    workshop.recipe('vae', { steps, checkpointEvery: 2, sampleEvery: 7, output: workshop.path(`${folder}-output`) })
  const whole = await workshop.trainApart(recipe('whole'), 'whole', { ranks })
  if (whole.code !== 0) throw new Error(whole.errors)
  let done = 0
  while (done < kills) {
    // At most three steps a life, so that the run lives long enough for all kills.
    const kill = { steps: randomInt(1, 4), delay: randomInt(150), rank: randomInt(ranks) }
    const { code } = await workshop.trainApart(recipe('killed'), 'killed', { ranks, kill })
    if (code === 0) break
    done += 1
    console.log(`kill ${done}: ${JSON.stringify(kill)}`)
  }
  const last = await workshop.trainApart(recipe('killed'), 'killed', { ranks })
  if (last.code !== 0) throw new Error(last.errors)
  const end = `step-${String(steps).padStart(7, '0')}`
  const files = [
    (folder: string) => workshop.path(folder, 'checkpoints', end, 'vae.safetensors'),
    (folder: string) => workshop.path(`${folder}-output`, 'vae/diffusion_pytorch_model.safetensors'),
  ]
  for (const file of files)
    if (!(await readFile(file('whole'))).equals(await readFile(file('killed')))) throw new Error('the weights differ')
  console.log(`${done} kills of ${ranks} process(es): checkpoint and exported weights equal, bit for bit`)
} finally {
  await workshop.close()
}
