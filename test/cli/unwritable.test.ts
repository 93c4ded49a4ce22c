import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Checkpoint, saveCheckpoint } from '../../src/weights/checkpoint.node.js'
import { saveTinyFeatures } from '../evaluation/support/tiny-features.js'
import { TINY } from '../pipeline/tiny.js'
import { smokeRecipe } from '../training/support/smoke.js'
import { Hub, ID } from '../weights/support/hub.js'
import { inProcess } from './sfv.js'

const hub = new Hub()
let folder: string
let lora: string
let run: string
let store: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sfv-unwritable-'))
  writeFileSync(join(folder, 'file'), '')

  const weights = await Checkpoint.open(join(TINY, 'unet'))
  const [name, { shape }] = [...weights.tensors].find(([name]) => name.endsWith('attn1.to_q.weight'))!
  const module = `unet.${name.slice(0, -'.weight'.length)}`
  const [outputs, inputs] = shape as [number, number]
  lora = join(folder, 'lora.safetensors')
  await saveCheckpoint(lora, [
    { name: `${module}.lora_A.weight`, shape: [1, inputs], data: new Float32Array(inputs).fill(1) },
    { name: `${module}.lora_B.weight`, shape: [outputs, 1], data: new Float32Array(outputs).fill(1) },
  ])

  run = join(folder, 'run')
  mkdirSync(run)
  writeFileSync(join(run, 'recipe.json'), JSON.stringify(smokeRecipe('sfv')))
  writeFileSync(join(run, 'log.jsonl'), '{"step": 1, "seconds": 1, "loss": 1}\n')

  const clips = join(folder, 'clips')
  mkdirSync(clips)
  const raw = { width: 64, height: 128, channels: 3 as const, pageHeight: 64 }
  for (let i = 0; i < 2; i++) {
    const pages = Buffer.alloc(64 * 128 * 3, 200 - i).fill(20, 64 * 64 * 3)
    await sharp(pages, { raw })
      .gif({ delay: [143, 143] })
      .toFile(join(clips, `${i}.gif`))
  }
  store = join(folder, 'store')
  expect((await inProcess(['data', clips, '-o', store, '--size', '64', '--test', '1'])).code).toBe(0)
  await saveTinyFeatures(folder, 4)
  await hub.listen()
  await hub.reset()
}, 60_000)

afterAll(async () => {
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Expects one sentence that names the place, and nothing left behind. */
async function expectRefused(args: readonly string[], place: string): Promise<void> {
  const before = readdirSync(folder, { recursive: true })
  const { code, stderr } = await inProcess(args)
  const said = stderr.trim().split('\n').at(-1)!
  expect(said).toMatch(/^sfv: (cannot write|.* cannot be kept: ).*; .*choose a folder (that )?you may write to$/)
  // Of a folder whose own parent cannot be made, the system names the parent.
  expect(said).toContain(place.replace(/\/deep$/, ''))
  expect(code).toBe(1)
  expect(readdirSync(folder, { recursive: true })).toEqual(before)
}

describe('where nothing can be written, one sentence says so', () => {
  const places: [string, () => string][] = [['below a file', () => join(folder, 'file', 'deep')]]
  // Node's own way to make folders never ends there.
  if (existsSync('/proc/self')) places.push(['below /proc', () => '/proc/sfv/deep'])

  it.each(places)('%s: eval', async (_, place) => {
    const asked = ['--steps', '1', '--seeds', '1', '--timings', '0', '--features', join(folder, 'features')]
    await expectRefused(['eval', TINY, '--data', store, ...asked, '-o', place()], place())
  })

  it.each(places)('%s: report', async (_, place) => {
    await expectRefused(['report', run, '-o', join(place(), 'report.html')], place())
  })

  it.each(places)('%s: merge', async (_, place) => {
    await expectRefused(['merge', TINY, lora, '-o', place()], place())
  })

  it.each(places)('%s: pull', async (_, place) => {
    const { HF_ENDPOINT, HF_HOME } = process.env
    Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_HOME: join(folder, 'none') })
    try {
      await expectRefused(['pull', ID, '-o', place()], place())
    } finally {
      for (const [name, value] of Object.entries({ HF_ENDPOINT, HF_HOME }))
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
    }
  })

  it('manifest, in whose place is a folder', async () => {
    const model = join(folder, 'model')
    cpSync(TINY, model, { recursive: true })
    mkdirSync(join(model, 'manifest.json', 'full'), { recursive: true })
    await expectRefused(['manifest', model], join(model, 'manifest.json'))
  })
})
