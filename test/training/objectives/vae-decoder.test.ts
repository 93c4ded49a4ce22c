import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConfig } from '../../../src/training/output/components.node.js'
import { Checkpoint } from '../../../src/weights/checkpoint.node.js'
import { Workshop } from '../support/workshop.js'

/** Generous: what takes seconds on an idle machine takes minutes beside a training run. */
const MINUTES = 600_000

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open()
}, MINUTES)
afterAll(() => workshop.close())

async function vaeIn(folder: string) {
  const weights = await (await Checkpoint.open(workshop.path(folder, 'vae'))).readAll()
  return { weights, json: (await readConfig(workshop.path(folder), 'vae')).json }
}

it(
  'the decoder alone learns to give pictures back from latents that stay what they are',
  async () => {
    await workshop.train(workshop.recipe('vae', { steps: 10 }), 'whole')
    const changes = { network: workshop.path('models'), output: workshop.path('decoder'), part: 'decoder', steps: 20 }
    await workshop.train(workshop.recipe('vae', changes), 'decoder-run')
    const losses = (await workshop.log('decoder-run')).map(({ loss }) => loss!)
    const mean = (values: number[]) => values.reduce((sum, x) => sum + x / values.length, 0)
    expect(mean(losses.slice(-8))).toBeLessThan(mean(losses.slice(0, 8)))

    const [before, after] = [await vaeIn('models'), await vaeIn('decoder')]
    expect(after.json).toEqual(before.json)
    const changed = [...before.weights].flatMap(([name, values]) =>
      values.every((value, i) => value === after.weights.get(name)![i]) ? [] : [name],
    )
    expect(changed.length).toBeGreaterThan(20)
    expect(changed.filter((name) => !name.startsWith('decoder.'))).toEqual([])
  },
  MINUTES,
)
