import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../../src/errors.js'
import { writeReport } from '../../../src/training/report/report.node.js'
import { smooth, thin, valueRange } from '../../../src/training/report/series.js'
import { smokeRecipe } from '../support/smoke.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sfv-report-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('the report of a run', () => {
  it('is one page with a curve for each number, the samples and the recipe, and refers to nothing outside', async () => {
    const run = join(folder, 'a <run>')
    await mkdir(join(run, 'samples'), { recursive: true })
    await writeFile(join(run, 'recipe.json'), JSON.stringify(smokeRecipe('sfv')))
    const lines = Array.from({ length: 12 }, (_, i) => ({
      step: i + 1,
      seconds: 2,
      loss: 1 / (i + 1),
      realLogit: -i,
      odd: i,
    }))
    await writeFile(join(run, 'log.jsonl'), `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"step":13,"lo`)
    for (let i = 1; i <= 30; i++)
      await writeFile(join(run, 'samples', `step-${String(i).padStart(7, '0')}.webp`), `sample of step ${i}`)
    expect(await writeReport(run, join(run, 'report.html'))).toEqual({ steps: 12, samples: 9 })
    const page = await readFile(join(run, 'report.html'), 'utf8')
    expect(page).toContain('<h1>a &#60;run&#62;</h1>')
    expect(page).toContain('12 of 40')
    for (const title of ['Loss', 'Verdicts of the discriminator', 'odd', 'Seconds a step'])
      expect(page).toContain(`<h3>${title}</h3>`)
    expect(page).not.toContain('<h3>R1</h3>')
    expect(page).toContain('<th>generatorLevels</th><td><code>4</code></td>')
    for (const step of [1, 30]) expect(page).toContain(Buffer.from(`sample of step ${step}`).toString('base64'))
    expect(page.match(/(src|href)="(?!data:)[^"]*"/g)).toBeNull()
    expect(page).not.toMatch(/https?:/)
  })

  it('is refused where there is no run', async () => {
    await expect(writeReport(folder, join(folder, 'report.html'))).rejects.toThrow(UserError)
    await expect(writeReport(folder, join(folder, 'report.html'))).rejects.toThrow(/holds no training run/)
  })
})

describe('a curve', () => {
  const line = Array.from({ length: 1000 }, (_, i) => [i + 1, 2 * i] as const)

  it('that is straight stays so when it is thinned and smoothed', () => {
    const thinned = thin(line)
    expect(thinned).toHaveLength(240)
    for (const [step, value] of smooth(thinned)) expect(value).toBeCloseTo(2 * (step - 1), 6)
  })

  it('is not squeezed flat by a single spike', () => {
    const spiked = line.slice(0, 200).map(([step, value]) => [step, step === 100 ? 1e9 : value] as const)
    const [low, high] = valueRange([spiked], [line.slice(0, 200)])
    expect([low, high]).toEqual([0, 398])
  })
})
