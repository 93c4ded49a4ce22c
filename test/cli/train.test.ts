import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Workshop } from '../training/support/workshop.js'
import { inProcess, sfv } from './sfv.js'

const MINUTES = 600_000

let workshop: Workshop
beforeAll(async () => {
  workshop = await Workshop.open()
})
afterAll(() => workshop.close())

/** Writes the smoke recipe of the VAE with some changes; returns its file. */
async function recipeFile(name: string, changes: object): Promise<string> {
  const file = workshop.path(`${name}.json`)
  await writeFile(file, JSON.stringify(workshop.recipe('vae', { output: workshop.path(`${name}-model`), ...changes })))
  return file
}

describe.skipIf(process.platform === 'win32')('sfv train that is sent SIGTERM (skipped on Windows)', () => {
  it.each([
    ['while it trains', 'from step 0'],
    ['while it opens', 'opening the networks'],
  ])(
    '%s ends after the step at hand, saved, with the exit code of the signal',
    async (_, when) => {
      const name = when.replaceAll(' ', '-')
      const file = await recipeFile(name, { steps: 1_000_000 })
      const { code, signal, stderr } = await sfv(['train', file, '-o', workshop.path(name)], (child) => {
        let said = ''
        child.stderr!.on('data', (chunk: Buffer) => {
          const before = said.includes(when)
          said += chunk.toString()
          if (!before && said.includes(when)) child.kill('SIGTERM')
        })
      })
      const [, step] = /stopped after step (\d+); --resume goes on/.exec(stderr) ?? []
      expect({ code, signal, stopped: step !== undefined }).toEqual({ code: 143, signal: null, stopped: true })
      const checkpoints = workshop.path(name, 'checkpoints')
      const saved = existsSync(checkpoints) ? readdirSync(checkpoints) : []
      expect(saved).toEqual(step === '0' ? [] : [`step-${step!.padStart(7, '0')}`])
      expect(existsSync(workshop.path(`${name}-model`))).toBe(false)
    },
    MINUTES,
  )
})

describe('sfv train', () => {
  it.each([
    ['--threads', '1.5'],
    ['--threads', '0'],
  ])('takes no %s %s', async (...option) => {
    const { code, stderr } = await inProcess(['train', 'recipes/smoke/vae.json', ...option])
    expect([code, stderr]).toEqual([2, `sfv: --threads is ${option[1]}; give a whole number from 1 to 1024\n`])
  })

  it('replaces a model of another run with --force alone', async () => {
    const file = await recipeFile('twice', { steps: 1, warmup: 0 })
    const train = (run: string, ...options: string[]) =>
      inProcess(['train', file, '-o', workshop.path(run), ...options])
    expect((await train('first')).code).toBe(0)
    const { code, stderr } = await train('second')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/twice-model\/vae holds a model that this run did not make/),
    ])
    expect((await train('second', '--force')).code).toBe(0)
  })
})
