import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawMascotClips, mascotPicture } from '../../scripts/mascot.js'
import { installPacked } from '../support/packed.js'

const MINUTES = 600_000

let folder: string
let command: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-own-clips-'))
  command = await installPacked(folder)
  await drawMascotClips(join(folder, 'my-clips'), 20)
  writeFileSync(join(folder, 'mascot.png'), await mascotPicture())
}, MINUTES)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the installed command in the folder; what it prints. */
async function sfv(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, ...args], { cwd: folder })
  return stdout + stderr
}

// docs/own-clips.md, from an install, in a folder that holds nothing else; small, and few steps.
describe('twenty clips of one’s own', () => {
  it(
    'become a store, which tells how it was split',
    async () => {
      expect(await sfv('data', 'my-clips', '-o', 'data/mine', '--size', '64', '--test', '0.2')).toContain(
        'wrote 20 clips to data/mine: 18 to train on, 2 to test with',
      )
      expect(await sfv('info', 'data/mine')).toMatch(/20 of 20 figures: 18 train, 2 test/)
    },
    MINUTES,
  )

  it(
    'are trained on by the recipe of the package, found by its name, as is the bundled model',
    async () => {
      writeFileSync(
        join(folder, 'quick.json'),
        JSON.stringify({ extends: 'recipes/finetune.json', steps: 2, warmup: 0, frames: 4, headWidth: 8 }),
      )
      const plan = JSON.parse(await sfv('train', 'recipes/finetune.json', '--dry-run', '--json')) as { recipe: object }
      expect(plan.recipe).toMatchObject({ start: 'student', model: 'models/fluent', output: 'models/finetuned' })
      const printed = await sfv('train', 'quick.json')
      expect(printed).toContain('runs/quick: from step 0 to 2')
      expect(printed).toContain('wrote models/finetuned\n')
      expect(readFileSync(join(folder, 'models/finetuned/README.md'), 'utf8')).toContain(
        'sfv, 2 steps, with `models/fluent`',
      )
      expect(existsSync(join(folder, 'models/finetuned/manifest.json'))).toBe(true)
    },
    MINUTES,
  )

  it(
    'and the model that comes out animates the mascot',
    async () => {
      await sfv('animate', 'mascot.png', '-o', 'mascot.webp', '--model', 'models/finetuned', '--size', '64x64')
      const { pages, pageHeight } = await sharp(join(folder, 'mascot.webp'), { animated: true }).metadata()
      expect([pages, pageHeight]).toEqual([14, 64])
    },
    MINUTES,
  )
})
